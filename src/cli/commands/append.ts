/** `suraft append`: appends arguments, lines or a file through one session. */

import { Option, type Command } from "commander";
import { AppendFeeder } from "../append-feeder.js";
import { openInput, type AppendInput } from "../append-input.js";
import { AppendOutput, Progress, type AppendOutputStyle } from "../append-output.js";
import {
  addClientOptions,
  countOption,
  openClient,
  textOption,
  type ClientOptionValues,
} from "../client-options.js";
import { UsageError } from "../exit-code.js";
import { headerOption } from "../header-option.js";
import { interruption } from "../interruption.js";
import { countOf, styled } from "../terminal.js";
import type { AppendDemands, Header } from "../../client/types.js";

interface AppendOptions extends ClientOptionValues {
  readonly file?: string;
  readonly binary?: true;
  readonly header: readonly Header[];
  readonly key?: string;
  readonly expectedNextIndex?: number;
  readonly ifKeyUnchangedSince?: number;
  readonly fencingToken?: string;
  readonly setFencingToken?: string;
  readonly delivery: keyof typeof deliveries;
  readonly json?: true;
}

const deliveries = {
  "exactly-once": "exactlyOnce",
  "at-most-once": "atMostOnce",
  "at-least-once": "atLeastOnce",
} as const;

export function declareAppend(command: Command): void {
  command
    .description(
      "Appends each argument as an entry; without arguments, each line of standard input or " +
        "of a file. Prints each entry's index once it is durable. The entries keep their order.",
    )
    .argument("[entries...]", "what to append")
    .option("--file <path>", "append the lines of a file; - is standard input")
    .option("--binary", "append the whole file, or standard input, as one entry")
    .addOption(
      new Option("--header <key=value>", "put a header on each entry (may be repeated)")
        .argParser(headerOption)
        .default([], "none"),
    )
    .option("--key <key>", "what each entry is about", textOption(256))
    .option(
      "--expected-next-index <index>",
      "append only if the first entry gets this index",
      countOption(1),
    )
    .option(
      "--if-key-unchanged-since <index>",
      "append only if no entry at this index or above has the key",
      countOption(1),
    )
    .option("--fencing-token <token>", "append only while this token is in force", textOption(128))
    .option("--set-fencing-token <token>", "put this token in force", textOption(128))
    .addOption(
      new Option("--delivery <how>", "what to do where a lost connection leaves it unknown")
        .choices(Object.keys(deliveries))
        .default("exactly-once"),
    )
    .option("--json", "print a line of JSON for each entry");
  addClientOptions(command)
    .addHelpText(
      "after",
      `
Examples:
  suraft append "hello" "world"
  tail -F app.log | suraft append
  suraft append --file events.jsonl --header source=import
  suraft append --binary --file photo.jpg --header type=image/jpeg
  suraft append --key config --if-key-unchanged-since 17 "$(cat config.json)"
  suraft append --set-fencing-token 8 "node 8 takes over"
  tail -F jobs.log | suraft append --fencing-token 8

With a condition, or with --set-fencing-token, all entries are appended
together: all of them, or none. Exactly once holds while the command runs,
through failures of nodes and connections; where it must give up, it names what
"suraft outcome" needs to tell what became of the entry.`,
    )
    .action(append);
}

async function append(entries: readonly string[], options: AppendOptions): Promise<void> {
  const demands = demandsOf(options);
  const together = isTogether(options);
  if (together && entries.length === 0 && options.binary !== true) {
    throw new UsageError(
      "a condition needs the entries as arguments, or --binary: all are appended, or none",
    );
  }
  const input = await openInput({
    arguments: entries,
    file: options.file,
    binary: options.binary ?? false,
  });
  if (input.interactive && entries.length === 0 && process.stderr.isTTY) {
    const hint = "each line is an entry; Ctrl-D ends";
    process.stderr.write(`${styled(process.stderr, "dim", hint)}\n`);
  }
  const output = new AppendOutput(outputStyle(input, options), progressFor(input));
  const session = openClient(options).openSession({
    delivery: deliveries[options.delivery],
    timeoutMs: options.timeout,
  });
  const feeder = new AppendFeeder({
    session,
    input,
    output,
    headers: options.header,
    key: options.key,
    demands,
    together,
  });
  const interrupted = interruption({
    beforeExit: () => {
      output.hideProgress();
      const count = countOf(session.pendingCount, "entry", "entries");
      process.stderr.write(`gave up; ${feeder.account()}; may be in the log or not: ${count}\n`);
    },
  });
  interrupted.addEventListener("abort", () => {
    if (session.pendingCount > 0 && process.stderr.isTTY) {
      output.hideProgress();
      process.stderr.write("waiting for the last answers; Ctrl-C again gives up\n");
    }
  });
  await feeder.run(interrupted);
  await output.finish();
  if (feeder.failure !== undefined) {
    throw feeder.failure;
  }
  if (interrupted.aborted) {
    const account = output.style === "summary" ? "" : `; ${feeder.account()}`;
    process.stderr.write(`interrupted${account}\n`);
    throw interrupted.reason;
  }
}

function demandsOf(options: AppendOptions): AppendDemands {
  const { key, expectedNextIndex, ifKeyUnchangedSince, fencingToken, setFencingToken } = options;
  if (ifKeyUnchangedSince !== undefined && key === undefined) {
    throw new UsageError("--if-key-unchanged-since needs --key");
  }
  return {
    ...(expectedNextIndex === undefined ? {} : { expectedNextIndex }),
    ...(fencingToken === undefined ? {} : { fencingToken }),
    ...(setFencingToken === undefined ? {} : { setFencingToken }),
    ...(key === undefined || ifKeyUnchangedSince === undefined
      ? {}
      : { keyConditions: [{ key, sinceIndex: ifKeyUnchangedSince }] }),
  };
}

/** A second append would meet what the first one left, and its condition would hold no more. */
function isTogether(options: AppendOptions): boolean {
  const { expectedNextIndex, ifKeyUnchangedSince, setFencingToken } = options;
  return (
    expectedNextIndex !== undefined ||
    ifKeyUnchangedSince !== undefined ||
    setFencingToken !== undefined
  );
}

function outputStyle(input: AppendInput, options: AppendOptions): AppendOutputStyle {
  if (options.json) {
    return "json";
  }
  return process.stdout.isTTY && !input.interactive ? "summary" : "indexes";
}

function progressFor(input: AppendInput): Progress | undefined {
  return process.stderr.isTTY && process.stdout.isTTY && !input.interactive
    ? new Progress(input.sizeBytes)
    : undefined;
}
