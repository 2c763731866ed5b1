/** `suraft snapshot`: an application's snapshots, beside its log. */

import { createWriteStream } from "node:fs";
import { rename, rm } from "node:fs/promises";
import { pipeline } from "node:stream/promises";
import { Option, type Command } from "commander";
import { openSource } from "../append-input.js";
import {
  addClientOptions,
  countOption,
  openClient,
  type ClientOptionValues,
} from "../client-options.js";
import { CommandError } from "../exit-code.js";
import { interruption } from "../interruption.js";
import { write } from "../output.js";
import { plainTable } from "../plain-table.js";
import type { SnapshotDownload, StoredSnapshot } from "../../client/types.js";

interface SnapshotOptions extends ClientOptionValues {
  readonly json?: true;
}

interface PutOptions extends SnapshotOptions {
  readonly nextIndex: number;
  readonly file?: string;
}

interface GetOptions extends SnapshotOptions {
  readonly nextIndex?: number;
  readonly output?: string;
}

/** A snapshot may be long in coming: `--timeout` counts only while nothing moves, and is no less. */
const SILENCE_MS_MIN = 60_000;

export function declareSnapshot(command: Command): void {
  command.description(
    "Keeps snapshots of an application's state beside its log. One that starts takes the newest and " +
      "reads the log on from its next index.",
  );
  declarePut(command);
  declareList(command);
  declareGet(command);
}

function declarePut(command: Command): void {
  const put = command
    .command("put")
    .description("Stores a snapshot: a file, or standard input. Prints its next index.")
    .addOption(
      new Option("--next-index <index>", "the first entry that it does not cover")
        .argParser(countOption(1))
        .makeOptionMandatory(),
    )
    .option("--file <path>", "the snapshot; without it, standard input")
    .option("--json", "print JSON");
  addClientOptions(put)
    .addHelpText(
      "after",
      `
Examples:
  suraft snapshot put --next-index 1001 --file state.bin
  pg_dump app | suraft snapshot put --next-index "$(cat applied.index)"`,
    )
    .action(putSnapshot);
}

function declareList(command: Command): void {
  const list = command
    .command("list", { isDefault: true })
    .description("Lists the snapshots, the newest first.")
    .option("--json", "print JSON lines");
  addClientOptions(list).action(listSnapshots);
}

function declareGet(command: Command): void {
  const get = command
    .command("get")
    .description("Prints a snapshot's bytes, or writes them to a file and prints its next index.")
    .addOption(
      new Option("--next-index <index>", "the snapshot; without it, the newest").argParser(
        countOption(1),
      ),
    )
    .option("--output <path>", "the file to write; it is there only once it is whole")
    .option("--json", "with --output: print JSON");
  addClientOptions(get)
    .addHelpText(
      "after",
      `
Example:
  next=$(suraft snapshot get --output state.bin) && suraft read --from "$next" --follow`,
    )
    .action(getSnapshot);
}

async function putSnapshot(options: PutOptions): Promise<void> {
  const { file, nextIndex, timeout } = options;
  const source = await openSource(file);
  const chunks = source.chunks as AsyncIterable<Buffer>;
  const isFile = source.sizeBytes !== undefined;
  let first = true;
  async function* content(): AsyncGenerator<Uint8Array, void, undefined> {
    const again = !first && isFile;
    first = false;
    yield* again ? ((await openSource(file)).chunks as AsyncIterable<Buffer>) : chunks;
  }
  const snapshot = await openClient(options).putSnapshot(isFile ? content : chunks, {
    nextIndex,
    signal: interruption(),
    timeoutMs: Math.max(timeout, SILENCE_MS_MIN),
  });
  await print(snapshot, options);
}

async function listSnapshots(options: SnapshotOptions): Promise<void> {
  const snapshots = await openClient(options).snapshots({ signal: interruption() });
  if (options.json) {
    await write(snapshots.map((one) => `${JSON.stringify(described(one))}\n`).join(""));
    return;
  }
  const rows = snapshots.map(({ nextIndex, sizeBytes, checksum, timestampMs }) => [
    String(nextIndex),
    String(sizeBytes),
    checksum.toString(16).padStart(8, "0"),
    new Date(timestampMs).toISOString(),
  ]);
  const columns = [
    ["NEXT INDEX", "right"],
    ["BYTES", "right"],
    ["CRC32C", "left"],
    ["PUT", "left"],
  ] as const;
  await write(`${plainTable(columns, rows).join("\n")}\n`);
}

async function getSnapshot(options: GetOptions): Promise<void> {
  const { nextIndex, output, timeout } = options;
  const which = nextIndex === undefined ? {} : { nextIndex };
  const download = await openClient(options).getSnapshot({
    ...which,
    signal: interruption(),
    timeoutMs: Math.max(timeout, SILENCE_MS_MIN),
  });
  if (output === undefined) {
    for await (const bytes of download.content) await write(bytes);
    return;
  }
  await save(download, output);
  await print(download.snapshot, options);
}

/** The file has its name only once it is whole. */
async function save({ content }: SnapshotDownload, path: string): Promise<void> {
  const part = `${path}.part`;
  try {
    await pipeline(content, createWriteStream(part));
    await rename(part, path);
  } catch (error) {
    await rm(part, { force: true });
    if (!isFileError(error)) throw error;
    throw new CommandError(`cannot write ${path}: ${error.message}`);
  }
}

function isFileError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && "syscall" in error && "path" in error;
}

async function print(snapshot: StoredSnapshot, { json }: SnapshotOptions): Promise<void> {
  await write(`${json ? JSON.stringify(described(snapshot)) : String(snapshot.nextIndex)}\n`);
}

function described({ nextIndex, sizeBytes, checksum, timestampMs }: StoredSnapshot): object {
  return { nextIndex, sizeBytes, checksum, timestamp: new Date(timestampMs).toISOString() };
}
