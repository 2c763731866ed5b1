/** `suraft outcome`: what became of a producer's append. */

import type { Command } from "commander";
import {
  addClientOptions,
  countOption,
  openClient,
  type ClientOptionValues,
} from "../client-options.js";
import { interruption } from "../interruption.js";
import { write } from "../output.js";
import { countOf } from "../terminal.js";
import type { AppendOutcome, ProducerSequence } from "../../client/types.js";

interface OutcomeOptions extends ClientOptionValues {
  readonly settle?: true;
  readonly json?: true;
}

export function declareOutcome(command: Command): void {
  command
    .description(
      "Says what became of an append that was left unknown: whether it is in the log, and where. " +
        "Any node answers, by all that was appended before the call.",
    )
    .argument("<producer>", "the producer's id", countOption(1))
    .argument("<sequence>", "the append's number", countOption(1))
    .option("--settle", "if it is undecided, close the producer first: then it is decided for good")
    .option("--json", "print JSON");
  addClientOptions(command)
    .addHelpText(
      "after",
      `
A command or program whose append failed with an unknown outcome names producer and number.

Examples:
  suraft outcome 17 42
  suraft outcome --settle 17 42 --json | jq -r .type`,
    )
    .action(outcome);
}

async function outcome(
  producerId: number,
  sequence: number,
  options: OutcomeOptions,
): Promise<void> {
  const numbered = { producerId, sequence };
  const found = await openClient(options).getOutcome(numbered, {
    settle: options.settle ?? false,
    signal: interruption(),
  });
  await write(options.json ? `${JSON.stringify(found)}\n` : `${describe(found, numbered)}\n`);
}

function describe(found: AppendOutcome, { sequence }: ProducerSequence): string {
  switch (found.type) {
    case "committed": {
      const { firstIndex, lastIndex } = found;
      if (firstIndex === 0) {
        return "in the log; at which index is not remembered";
      }
      return firstIndex === lastIndex
        ? `in the log, at index ${String(firstIndex)}`
        : `in the log, at indexes ${String(firstIndex)}-${String(lastIndex)}`;
    }
    case "notCommitted":
      return `not in the log, for good: the producer was closed at ${lastOf(found)}`;
    case "undecided": {
      const missing = sequence - found.lastSequence - 1;
      const numbers = countOf(missing, "number", "numbers");
      const behind = missing === 0 ? "" : `, and ${numbers} must come before it`;
      return `not in the log yet: the producer is at ${lastOf(found)}${behind}; --settle decides it`;
    }
  }
}

function lastOf({ lastSequence }: { readonly lastSequence: number }): string {
  return lastSequence === 0 ? "its beginning" : `number ${String(lastSequence)}`;
}
