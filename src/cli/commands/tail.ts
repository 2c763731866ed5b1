/** `suraft tail`: how far the log is. */

import { addClientOptions, openClient, type ClientOptionValues } from "../client-options.js";
import { interruption } from "../interruption.js";
import { write } from "../output.js";
import { formatDuration } from "../time.js";
import type { Tail } from "../../client/types.js";
import type { Command } from "commander";

interface TailOptions extends ClientOptionValues {
  readonly local?: true;
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
  addClientOptions(command)
    .addHelpText(
      "after",
      `
Examples:
  suraft tail
  suraft tail --json | jq .nextIndex`,
    )
    .action(tail);
}

async function tail(options: TailOptions): Promise<void> {
  const client = openClient(options);
  const found = await client.tail({ local: options.local ?? false, signal: interruption() });
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
