/**
 * The system calls that a local store makes, in one place: what a disk may answer is decided below
 * this line, and a test replaces a call to see what its failure does.
 */

import * as fs from "node:fs";
import { promisify } from "node:util";

import { StoreError } from "./store.js";
import type { StoreErrorKind } from "./store.js";

/** Each call as in node:fs. Callbacks made promises: a third cheaper than FileHandle. */
export const nodeFileCalls = {
  open: promisify(fs.open) as (path: string, flags: string) => Promise<number>,
  write: promisify(fs.write) as (
    file: number,
    bytes: Uint8Array,
    offset: number,
    length: number,
  ) => Promise<{ bytesWritten: number }>,
  read: promisify(fs.read) as (
    file: number,
    bytes: Uint8Array,
    offset: number,
    length: number,
    position: number,
  ) => Promise<{ bytesRead: number }>,
  futimes: promisify(fs.futimes),
  fstat: promisify(fs.fstat) as (
    file: number,
    options: { bigint: true },
  ) => Promise<fs.BigIntStats>,
  fsync: promisify(fs.fsync),
  close: promisify(fs.close),
  link: promisify(fs.link) as (from: string, to: string) => Promise<void>,
  unlink: promisify(fs.unlink) as (path: string) => Promise<void>,
  lstat: promisify(fs.lstat) as (
    path: string,
    options: { bigint: true },
  ) => Promise<fs.BigIntStats>,
  stat: promisify(fs.stat) as (path: string, options: { bigint: true }) => Promise<fs.BigIntStats>,
  mkdir: promisify(fs.mkdir) as (path: string) => Promise<void>,
  readdir: promisify(fs.readdir) as (
    path: string,
    options: { withFileTypes: true },
  ) => Promise<fs.Dirent[]>,
};

export type FileCalls = typeof nodeFileCalls;

/** The code of a failed system call, like "ENOSPC". */
export function errorCode(error: unknown): string | undefined {
  return error instanceof Error && "code" in error && typeof error.code === "string"
    ? error.code
    : undefined;
}

/** A failed system call in words. Node's message names the code, the call and the path. */
export function errorText(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** What a failed read or listing is to the caller. */
export function readError(what: string, error: unknown): StoreError {
  if (error instanceof StoreError) return error;
  return new StoreError(readErrorKind(errorCode(error)), `${what}: ${errorText(error)}`, {
    cause: error,
  });
}

function readErrorKind(code: string | undefined): StoreErrorKind {
  switch (code) {
    case "EACCES":
    case "EPERM":
      return "forbidden";
    case "EIO":
      // The medium, or a checksumming file system, says that the bytes are gone.
      return "corrupt";
    case "ENOTDIR":
      return "invalid";
    default:
      return "unavailable";
  }
}
