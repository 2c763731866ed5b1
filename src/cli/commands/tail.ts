/** `suraft tail`: how far the log is. */

import { addClientOptions } from "../client-options.js";
import { interruption } from "../interruption.js";
import { write } from "../output.js";
import {
  addStoreOption,
  checkSource,
  openSource,
  type SourceOptionValues,
} from "../store-source.js";
import { formatDuration } from "../time.js";
import type { Tail } from "../../client/types.js";
import type { Command } from "commander";

interface TailOptions extends SourceOptionValues {
  readonly json?: true;
}

export function declareTail(command: Command): void {
  command
    .description(
      "Says how far the log is: the index of its next entry. Counts everything that was " +
        "acknowledged to anybody before the call. (To read the last entries: suraft read --last 10.)",
    )
    .option("--local", "what the node holds, without asking how far the log is")
    .option("--json", "print JSON");
  addStoreOption(command);
  addClientOptions(command)
    .addHelpText(
      "after",
      `
Examples:
  suraft tail
  suraft tail --json | jq .nextIndex
  suraft tail --store gs://my-log/production`,
    )
    .action(tail);
}

async function tail(options: TailOptions, command: Command): Promise<void> {
  checkSource(options, command);
  const signal = interruption();
  const { log, notice } = await openSource(options);
  const local = options.local ?? false;
  const found = await log.tail({ local, signal }).finally(() => notice.end());
  await write(options.json ? `${JSON.stringify(found)}\n` : describe(found, options));
}

function describe(tail: Tail, options: TailOptions): string {
  const held = tail.nextIndex - tail.firstIndex;
  const lines: (readonly [string, string])[] = [
    ["next index", String(tail.nextIndex)],
    ["first index", held === 0 ? "none: the log holds no entry" : String(tail.firstIndex)],
    ["term", tail.term === 0 ? "none: nobody has led yet" : String(tail.term)],
  ];
  if (options.local) {
    lines.push(["as of", `${formatDuration(tail.ageMs)} ago`]);
  }
  return lines.map(([name, value]) => `${name.padEnd(12)} ${value}\n`).join("");
}
