/** `suraft append`: appends arguments, lines or a file through one session. */

import { InvalidArgumentError, Option, type Command } from "commander";
import { AppendFeeder } from "../append-feeder.js";
import { openInput, type AppendInput } from "../append-input.js";
import { AppendOutput, Progress, type AppendOutputStyle } from "../append-output.js";
import { addClientOptions, openClient, type ClientOptionValues } from "../client-options.js";
import { interruption } from "../interruption.js";
import { countOf, styled } from "../terminal.js";
import type { Header } from "../../client/types.js";

interface AppendOptions extends ClientOptionValues {
  readonly file?: string;
  readonly binary?: true;
  readonly header: readonly Header[];
  readonly onUnknown: "stop" | "resend";
  readonly json?: true;
}

function headerOption(text: string, before: readonly Header[]): readonly Header[] {
  const split = text.indexOf("=");
  const key = text.slice(0, Math.max(0, split));
  const keyBytes = Buffer.byteLength(key);
  if (keyBytes < 1 || keyBytes > 256) {
    throw new InvalidArgumentError("Write key=value, the key 1 to 256 bytes long.");
  }
  return [...before, { key, value: Buffer.from(text.slice(split + 1)) }];
}

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
    .addOption(
      new Option("--on-unknown <stop|resend>", "what to do with an entry that may be in the log")
        .choices(["stop", "resend"])
        .default("stop", "stop; resend may append it twice"),
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
  suraft append --binary --file photo.jpg --header type=image/jpeg`,
    )
    .action(append);
}

async function append(entries: readonly string[], options: AppendOptions): Promise<void> {
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
    onUnknown: options.onUnknown,
    timeoutMs: options.timeout,
  });
  const feeder = new AppendFeeder({ session, input, output, headers: options.header });
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
