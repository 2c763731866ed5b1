/** `suraft export`: writes a log's entries to a file, with no node. */

import { open, unlink } from "node:fs/promises";
import { Option, type Command } from "commander";
import { countOption } from "../client-options.js";
import { CommandError, UsageError } from "../exit-code.js";
import { reasonOf } from "../file-reason.js";
import { interruption } from "../interruption.js";
import { write } from "../output.js";
import { addStoreOption, type StoreOptionValues } from "../store-options.js";
import { countOf, entriesOf } from "../terminal.js";
import type { Exported } from "../../offline/export-log.js";

interface ExportCommandOptions extends StoreOptionValues {
  readonly from?: number;
  readonly end?: number;
}

export function declareExport(command: Command): void {
  command
    .description(
      "Writes the entries of a log, or a range of them, to a file that suraft import takes: with their " +
        "indexes, timestamps, keys and headers. No node is needed; nodes may be at work meanwhile.",
    )
    .argument("<file>", "a new file; - for standard output")
    .addOption(
      new Option("--from <index>", "begin at this index, not the first").argParser(countOption(1)),
    )
    .addOption(new Option("--end <index>", "stop before this index").argParser(countOption(1)));
  addStoreOption(command).addHelpText("after", help).action(exportCommand);
}

const help = `
The file is a stream of length-delimited protocol buffers with checksums, as
proto/suraft/storage/v1/export.proto tells. One that was cut off has no trailer
and is refused by suraft import. The same entries give the same file.

Examples:
  suraft export --store gs://my-log/production log.suraft
  suraft export --store gs://my-log/production --from 1000 --end 2000 part
  suraft export --store gs://my-log/production - | zstd > log.suraft.zst`;

async function exportCommand(path: string, options: ExportCommandOptions): Promise<void> {
  const { from, end } = options;
  if (from !== undefined && end !== undefined && end < from) {
    throw new UsageError("--end must not be before --from");
  }
  const { openLogStore } = await import("../../offline/open-log-store.js");
  const { exportLog } = await import("../../offline/export-log.js");
  const store = openLogStore(options.store);
  const parts = exportLog(store, {
    signal: interruption(),
    ...(from === undefined ? {} : { startIndex: from }),
    ...(end === undefined ? {} : { endIndex: end }),
  });
  try {
    // A log that cannot be exported makes no file.
    const first = await parts.next();
    const file = path === "-" ? undefined : await creating(path, () => open(path, "wx"));
    let sizeBytes = 0;
    try {
      let part = first;
      for (; part.done !== true; part = await parts.next()) {
        const bytes = part.value;
        sizeBytes += bytes.length;
        if (file === undefined) await write(bytes);
        else await creating(path, () => file.writeFile(bytes));
      }
      if (file !== undefined) await creating(path, () => file.sync());
      tell(part.value, sizeBytes);
    } catch (error) {
      if (file !== undefined) await unlink(path).catch(() => undefined);
      throw error;
    } finally {
      await file?.close();
    }
  } finally {
    await store.close();
  }
}

/** Standard output may be the file. */
function tell({ firstIndex, nextIndex }: Exported, sizeBytes: number): void {
  const entries = entriesOf(firstIndex, nextIndex);
  process.stderr.write(`exported ${entries}, ${countOf(sizeBytes, "byte")}\n`);
}

async function creating<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw new CommandError(`cannot write ${path}: ${reasonOf(error)}`);
  }
}
