/**
 * What `suraft append` appends: arguments, the lines of a file or of standard input, or a whole file.
 *
 * Invariant: payloads are the input's bytes; of a line only the newline is left out.
 */

import { open } from "node:fs/promises";
import type { Readable } from "node:stream";
import { CommandError, UsageError } from "./exit-code.js";
import { reasonOf } from "./file-reason.js";

/** Above every limit that a node can have: a guard of this process's memory. */
const LINE_BYTES_MAX = 64 * 1024 * 1024;

const NEWLINE = 10;

export interface AppendInput {
  /** For messages: "line 7", "argument 2", "the file". */
  readonly nameOf: (entryNumber: number) => string;
  /** The size in bytes of all that will come, where it is known. */
  readonly sizeBytes: number | undefined;
  /** A person types it. */
  readonly interactive: boolean;
  readonly payloads: AsyncIterable<Uint8Array>;
  /** Ends the payloads, also while none comes. */
  readonly stop: () => void;
}

export interface AppendInputOptions {
  readonly arguments: readonly string[];
  readonly file: string | undefined;
  readonly binary: boolean;
}

/** Opens what is to be appended. Throws a {@link UsageError} or a {@link CommandError}. */
export async function openInput(options: AppendInputOptions): Promise<AppendInput> {
  if (options.arguments.length > 0) {
    if (options.file !== undefined || options.binary) {
      throw new UsageError("give either entries as arguments or --file / --binary, not both");
    }
    return argumentInput(options.arguments);
  }
  const source = await openSource(options.file);
  return {
    nameOf: options.binary ? () => source.name : (entry) => `${source.name}, line ${String(entry)}`,
    sizeBytes: source.sizeBytes,
    interactive: source.interactive,
    payloads: options.binary ? whole(source) : lines(source),
    stop: () => {
      source.chunks.destroy();
    },
  };
}

function argumentInput(texts: readonly string[]): AppendInput {
  async function* payloads(): AsyncGenerator<Uint8Array> {
    await Promise.resolve();
    yield* texts.map((text) => Buffer.from(text));
  }
  return {
    nameOf: (entry) => `argument ${String(entry)}`,
    sizeBytes: undefined,
    interactive: true,
    payloads: payloads(),
    stop: () => undefined,
  };
}

export interface Source {
  readonly name: string;
  readonly sizeBytes: number | undefined;
  readonly interactive: boolean;
  /** Of buffers. */
  readonly chunks: Readable;
}

/** Bytes that come in pieces, and what to call them. */
export type LineSource = Pick<Source, "name"> & { readonly chunks: AsyncIterable<unknown> };

/** A file, or standard input. Throws a {@link CommandError}. */
export async function openSource(file: string | undefined): Promise<Source> {
  if (file === undefined || file === "-") {
    const { stdin } = process;
    return {
      name: "standard input",
      sizeBytes: undefined,
      interactive: stdin.isTTY,
      chunks: stdin,
    };
  }
  try {
    const handle = await open(file);
    const stat = await handle.stat();
    if (stat.isDirectory()) {
      await handle.close();
      throw new CommandError(`cannot read ${file}: it is a directory`);
    }
    return {
      name: file,
      sizeBytes: stat.isFile() ? stat.size : undefined,
      interactive: false,
      chunks: handle.createReadStream({ highWaterMark: 256 * 1024 }),
    };
  } catch (error) {
    if (error instanceof CommandError) {
      throw error;
    }
    throw new CommandError(`cannot read ${file}: ${reasonOf(error)}`);
  }
}

async function* whole(source: LineSource): AsyncGenerator<Uint8Array> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of source.chunks as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    size += chunk.length;
    if (size > LINE_BYTES_MAX) {
      throw new CommandError(`${source.name} is greater than any entry may be`);
    }
  }
  yield Buffer.concat(chunks);
}

/** The lines, without their newlines. A last line without one counts. */
export async function* lines(source: LineSource): AsyncGenerator<Uint8Array> {
  let parts: Buffer[] = [];
  let size = 0;
  let number = 1;
  for await (const chunk of source.chunks as AsyncIterable<Buffer>) {
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      const last = chunk.subarray(start, end);
      yield parts.length === 0 ? last : Buffer.concat([...parts, last]);
      parts = [];
      size = 0;
      number += 1;
      start = end + 1;
    }
    if (start < chunk.length) {
      parts.push(chunk.subarray(start));
      size += chunk.length - start;
      if (size > LINE_BYTES_MAX) {
        const where = `${source.name}, line ${String(number)}`;
        throw new CommandError(`${where}: the line is greater than any entry may be`);
      }
    }
  }
  if (parts.length > 0) {
    yield Buffer.concat(parts);
  }
}
