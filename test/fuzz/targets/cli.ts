/** What people type: times, addresses, arguments, and the input of `suraft append`. */

import { CommanderError } from "commander";
import type { Command } from "commander";
import fc from "fast-check";

import { lines } from "../../../src/cli/append-input.js";
import { durationOption } from "../../../src/cli/client-options.js";
import { CommandError, UsageError } from "../../../src/cli/exit-code.js";
import { createProgram } from "../../../src/cli/program.js";
import { suggest } from "../../../src/cli/suggestion.js";
import { parseTime } from "../../../src/cli/time.js";
import { parseAddresses } from "../../../src/client/addresses.js";
import { encodeRead } from "../../../src/client/codec.js";
import { SuraftError } from "../../../src/errors.js";
import { parseAddress } from "../../../src/node/config-values.js";
import { anyText, hold, taken, textDamage, textTarget, type Target } from "../target.js";

/** Longer ones make a timer of Node's fire at once. */
const timerMsMax = 2 ** 31 - 1;

function isInvalid(error: unknown): boolean {
  return error instanceof SuraftError && error.kind === "invalid" && error.message.length > 0;
}

const duration = textTarget({
  name: "cli/duration",
  valid: fc.oneof(
    fc
      .tuple(fc.oneof(fc.nat(1000), fc.nat(999_999_999)), fc.constantFrom("ms", "s", "m", "h", "d"))
      .map(([count, unit]) => `${count}${unit}`),
    anyText,
  ),
  tokens: [".", "-", "e9", "0", "999", " ", "d", "ms", "٣"],
  judge: (text) => {
    const isUsage = (error: unknown) => error instanceof CommanderError;
    const judged = taken(() => durationOption(text), isUsage);
    if (judged.output !== undefined) {
      hold(judged.output > 0 && judged.output <= timerMsMax, "a duration can be waited for");
    }
    return judged;
  },
});

const time = textTarget({
  name: "cli/time",
  valid: fc.oneof(
    fc.date({ noInvalidDate: true }).map((date) => date.toISOString()),
    fc
      .date({ noInvalidDate: true, min: new Date(0), max: new Date("9999-12-31") })
      .map((date) => date.toISOString().slice(0, 16)),
    fc.nat(999_999_999).map((count) => `${count}d`),
    anyText,
  ),
  tokens: ["T", "Z", "-", ":", "+14:00", ".000000001", "0000", "9999", "24:00", " "],
  judge: (text) => {
    const nowMs = 1_795_243_000_000;
    const timestampMs = parseTime(text, nowMs);
    if (timestampMs === undefined) return { accepted: false };
    hold(Number.isSafeInteger(timestampMs), "a time is a number of milliseconds");
    const read = { start: { type: "timestamp", timestampMs } } as const;
    return taken(() => encodeRead(read), isInvalid);
  },
});

const addresses = textTarget({
  name: "cli/addresses",
  valid: fc.oneof(
    fc
      .array(fc.constantFrom("127.0.0.1:7101", "[::1]:7102", "log-1.internal:1", "a:65535"), {
        minLength: 1,
        maxLength: 4,
      })
      .map((list) => list.join(",")),
    anyText,
  ),
  tokens: [",", ":", "[", "]", "%", "0", "65536", " ", "://", "/"],
  judge: (text) => {
    const judged = taken(() => parseAddresses(text), isInvalid);
    for (const address of judged.output ?? []) {
      const port = parseAddress(address)?.port ?? 0;
      hold(port >= 1 && port <= 65_535, "client and configuration agree on addresses");
    }
    return judged;
  },
});

const words = textTarget({
  name: "cli/suggestion",
  valid: fc.oneof(fc.constantFrom("storeTimoutMs", "lisen", "node_id"), anyText),
  tokens: ["-", "_", "a", "é"],
  // The distance of the word to each known one, of up to 16 letters.
  workPerByte: 400,
  judge: (text) => {
    const known = ["storeTimeoutMs", "listen", "nodeId"];
    const meant = suggest(text, known);
    hold(meant === undefined || known.includes(meant), "a suggestion is a known word");
    return { accepted: meant !== undefined };
  },
});

/** Cuts the input into chunks of the sizes that its first bytes say, as a pipe would. */
async function* chunksOf(bytes: Buffer): AsyncGenerator<Buffer> {
  let start = 0;
  for (let turn = 0; start < bytes.length; turn++) {
    const size = 1 + (bytes[turn % 7] ?? 0) * (turn % 3 === 0 ? 1 : 16);
    yield bytes.subarray(start, start + size);
    start += size;
  }
}

const appendLines: Target = {
  ...time,
  name: "cli/append-lines",
  damage: textDamage,
  valid: fc
    .array(fc.oneof(anyText, fc.constantFrom("", "\r", "\0")), { maxLength: 20 })
    .map((list) => Buffer.from(list.join("\n"))),
  tokens: ["\n", "\r\n", "\n\n", "\0", "\ufeff", "\u2028"],
  open: () => ({
    judge: async (input) => {
      const bytes = Buffer.from(input);
      const payloads: Uint8Array[] = [];
      for await (const line of lines({ name: "input", chunks: chunksOf(bytes) }))
        payloads.push(line);
      const text = bytes.toString("latin1");
      const expected = (text.endsWith("\n") ? text.slice(0, -1) : text).split("\n");
      const isSame = text === "" ? payloads.length === 0 : payloads.length === expected.length;
      hold(isSame, "each line is an entry");
      payloads.forEach((payload, at) => {
        hold(Buffer.from(payload).toString("latin1") === expected[at], "a payload is its line");
      });
      return { accepted: true };
    },
  }),
};

/** Says nothing, does nothing: only the parsing is of interest. */
function muted(command: Command): Command {
  command.configureOutput({ writeOut: () => undefined, writeErr: () => undefined });
  command.action(() => undefined);
  command.commands.forEach(muted);
  return command;
}

const commandNames = ["dev", "append", "read", "tail", "status", "serve"];
const flags = [
  "--address",
  "--timeout",
  "--from",
  "--last",
  "--since",
  "--end",
  "--until",
  "--limit",
  "-n",
  "--follow",
  "-f",
  "--format",
  "--verbose",
  "--local",
  "--file",
  "--binary",
  "--header",

  "--on-unknown",
  "--json",
  "--config",
  "--node-id",
  "--store",
  "--nodes",
  "--base-port",
  "--help",
];
const goodArguments = [
  "read\n--from\n1",
  "read\n--last\n5\n-f",
  "read\n--since\n10m\n--format\njson",
  "tail\n--local",
  "append\na\nb\n--header\nk=v",
  "append\n--file\n-\n--on-unknown\nresend",
  "dev\n--nodes\n3",
  "serve\n--node-id\nn1\n--store\nmemory:",
  "status\n--json\n--timeout\n10s",
  "help\nread",
  "tail\n--address\na:1,[::1]:2",
];
const argument = fc.oneof(
  fc.constantFrom(...flags),
  fc.constantFrom("1", "-1", "1e3", "10s", "a:1", "k=v", "=", "--", "-", "json", "127.0.0.1:7101"),
  anyText,
);

/** One argument a line. */
const programArguments: Target = {
  ...time,
  name: "cli/arguments",
  valid: fc
    .tuple(fc.constantFrom(...goodArguments), fc.array(argument, { maxLength: 2 }))
    .map(([good, more]) => Buffer.from([good, ...more].join("\n"))),
  tokens: ["\n", "--", "=", ...flags, ...commandNames],
  workPerByte: 400,
  testRuns: 60,
  open: () => ({
    judge: async (bytes) => {
      const args = Buffer.from(bytes).toString().split("\n");
      const program = muted(await createProgram(args));
      try {
        await program.parseAsync(args, { from: "user" });
        return { accepted: true };
      } catch (error) {
        const typed = [CommanderError, UsageError, CommandError].some(
          (kind) => error instanceof kind,
        );
        if (!typed) throw error;
        return { accepted: false };
      }
    },
  }),
};

export const cliTargets: readonly Target[] = [
  duration,
  time,
  addresses,
  words,
  appendLines,
  programArguments,
];
