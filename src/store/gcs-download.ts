/**
 * The reply to a download: bytes that have the checksum which the server names, or an error.
 *
 * A range cannot be checked, since the checksum is the whole object's, unless it is all of it.
 */

import { readError } from "./gcs-outcome.js";
import type { HttpReply } from "./gcs-request.js";
import { encodeCrc32c, isDecimal } from "./gcs-upload.js";
import { StoreError } from "./store.js";
import type { ByteRange, GetResult } from "./store.js";

/** Reads a reply of status 200 or 206. Throws a {@link StoreError} that begins with `what`. */
export function readDownload(
  reply: HttpReply,
  options: { readonly what: string; readonly range: ByteRange | undefined },
): GetResult {
  const { what, range } = options;
  const odd = (problem: string) => readError(what, withoutBody(reply), problem);
  checkEncoding(what, reply);
  const version = reply.header("x-goog-generation");
  if (!isDecimal(version)) throw odd("the reply names no generation");
  const part = readPart(reply, range);
  if (part === undefined) throw odd("the reply is not what was asked for");
  if (part.isWhole) {
    const checksum = /(?:^|[\s,])crc32c=([A-Za-z0-9+/]{6}==)/.exec(
      reply.header("x-goog-hash") ?? "",
    )?.[1];
    if (checksum === undefined) throw odd("the reply names no checksum");
    if (checksum !== encodeCrc32c(reply.body)) {
      throw new StoreError("corrupt", `${what}: the bytes do not have the checksum ${checksum}`);
    }
  }
  const bytes =
    reply.status === 200 && range !== undefined
      ? reply.body.subarray(range.start, range.end)
      : reply.body;
  return { type: "found", bytes, version, size: part.size };
}

/** Stored compressed, the bytes would not be what a create was given: not ours. */
function checkEncoding(what: string, reply: HttpReply): void {
  for (const name of ["content-encoding", "x-goog-stored-content-encoding"]) {
    const encoding = reply.header(name) ?? "identity";
    if (encoding !== "identity" && encoding !== "") {
      throw new StoreError("corrupt", `${what}: ${name} is ${encoding}; suraft stores none`);
    }
  }
}

interface Part {
  readonly size: number;
  readonly isWhole: boolean;
}

/** Which part of an object a reply holds; undefined if not the one asked for. */
function readPart(reply: HttpReply, range: ByteRange | undefined): Part | undefined {
  const length = reply.body.length;
  if (reply.status === 200) {
    const stored = reply.header("x-goog-stored-content-length") ?? String(length);
    return stored === String(length) ? { size: length, isWhole: true } : undefined;
  }
  const match = /^bytes (\d+)-(\d+)\/(\d+)$/.exec(reply.header("content-range") ?? "");
  if (reply.status !== 206 || match === null || range === undefined) return undefined;
  const [start, last, size] = match.slice(1).map(Number) as [number, number, number];
  if (!Number.isSafeInteger(size)) return undefined;
  const isAsked = start === range.start && last + 1 === Math.min(range.end, size);
  if (!isAsked || last + 1 - start !== length) return undefined;
  return { size, isWhole: length === size };
}

/** An object's bytes do not belong into an error message. */
function withoutBody(reply: HttpReply): HttpReply {
  return { ...reply, body: Buffer.alloc(0) };
}
