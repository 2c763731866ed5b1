/**
 * Snapshots in a directory, a file each.
 *
 * Invariant: a file under a snapshot's name is whole: it was written and synced under another name.
 * Invariant: a file ends with its CRC32C, so that damage is found before a state is taken for restored.
 */

import { randomUUID } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, open, readdir, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { crc32c } from "@node-rs/crc32";
import { SuraftError } from "../errors.js";
import { snapshotsKept, throwIfAborted, type Snapshot, type SnapshotStore } from "./snapshots.js";

const trailerBytes = 4;
const namePattern = /^snapshot-(\d{16})$/;
const temporaryPattern = /^writing-/;

/** Keeps the two newest snapshots in a directory of their own, which is made if need be. */
export class DirectorySnapshots implements SnapshotStore {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
  }

  async put(
    nextIndex: number,
    content: AsyncIterable<Uint8Array>,
    { signal }: { readonly signal: AbortSignal },
  ): Promise<Snapshot> {
    await mkdir(this.#directory, { recursive: true }).catch(failed(this.#directory));
    const temporary = join(this.#directory, `writing-${randomUUID()}`);
    try {
      const sizeBytes = await writeFile(temporary, content, signal);
      await rename(temporary, this.#path(nextIndex));
      await syncDirectory(this.#directory);
      await this.#clear();
      return { nextIndex, sizeBytes };
    } catch (error) {
      await rm(temporary, { force: true }).catch(() => undefined);
      return failed(this.#directory)(error);
    }
  }

  async list(): Promise<readonly Snapshot[]> {
    const indexes = await this.#indexes();
    const found = await Promise.all(
      indexes.map(async (nextIndex): Promise<readonly Snapshot[]> => {
        const { size } = await stat(this.#path(nextIndex)).catch(failed(this.#directory));
        return [{ nextIndex, sizeBytes: Math.max(0, size - trailerBytes) }];
      }),
    );
    return found.flat();
  }

  async *get(
    { nextIndex, sizeBytes }: Snapshot,
    { signal }: { readonly signal: AbortSignal },
  ): AsyncGenerator<Uint8Array, void, undefined> {
    const path = this.#path(nextIndex);
    const stream = createReadStream(path, { signal, highWaterMark: 1024 * 1024 });
    let checksum = 0;
    let left = sizeBytes;
    const trailer: Uint8Array[] = [];
    try {
      for await (const chunk of stream as AsyncIterable<Buffer>) {
        const body = chunk.subarray(0, left);
        left -= body.length;
        checksum = crc32c(body, checksum);
        if (body.length < chunk.length) trailer.push(chunk.subarray(body.length));
        if (body.length > 0) yield body;
      }
    } catch (error) {
      throwIfAborted(signal);
      failed(path)(error);
    }
    const written = Buffer.concat(trailer);
    if (written.length === trailerBytes && written.readUInt32LE() === checksum) return;
    throw new SuraftError("corrupt", `the snapshot ${path} is damaged`, {
      details: { object: path },
    });
  }

  #path(nextIndex: number): string {
    return join(this.#directory, `snapshot-${String(nextIndex).padStart(16, "0")}`);
  }

  /** The newest first. */
  async #indexes(): Promise<readonly number[]> {
    const names = await this.#names();
    return names
      .flatMap((name) => {
        const digits = namePattern.exec(name)?.[1];
        return digits === undefined ? [] : [Number(digits)];
      })
      .sort((a, b) => b - a);
  }

  async #names(): Promise<readonly string[]> {
    try {
      return await readdir(this.#directory);
    } catch (error) {
      if (error instanceof Error && "code" in error && error.code === "ENOENT") return [];
      return failed(this.#directory)(error);
    }
  }

  /** Removes old snapshots, and what a process that died had begun. */
  async #clear(): Promise<void> {
    const old = (await this.#indexes()).slice(snapshotsKept).map((index) => this.#path(index));
    const begun = (await this.#names())
      .filter((name) => temporaryPattern.test(name))
      .map((name) => join(this.#directory, name));
    await Promise.all([...old, ...begun].map((path) => rm(path, { force: true })));
  }
}

async function writeFile(
  path: string,
  content: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): Promise<number> {
  const file = await open(path, "wx");
  try {
    let sizeBytes = 0;
    let checksum = 0;
    for await (const chunk of content) {
      throwIfAborted(signal);
      await file.writeFile(chunk);
      sizeBytes += chunk.length;
      checksum = crc32c(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length), checksum);
    }
    const trailer = Buffer.alloc(trailerBytes);
    trailer.writeUInt32LE(checksum);
    await file.writeFile(trailer);
    await file.sync();
    return sizeBytes;
  } finally {
    await file.close();
  }
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, "r");
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

/** Makes the file system's errors the package's own. */
function failed(path: string): (error: unknown) => never {
  return (error) => {
    if (error instanceof SuraftError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new SuraftError("unavailable", `snapshots in ${path}: ${reason}`, { cause: error });
  };
}
