/** A node's configuration: a YAML file, the environment, flags. Errors are for people, and name the place. */

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

import fc from "fast-check";
import { stringify } from "yaml";

import { UsageError } from "../../../src/cli/exit-code.js";
import { environmentName, gatherNodeConfig } from "../../../src/cli/node-config-sources.js";
import { checkNodeConfig } from "../../../src/node/config-check.js";
import { nodeConfigKeys, nodeSettings, type NodeConfig } from "../../../src/node/config.js";
import { parseAddress } from "../../../src/node/config-values.js";
import { anyText, hold, taken, textDamage, textTarget } from "../target.js";
import type { Judged, OpenTarget, Target } from "../target.js";

const settingText = fc.oneof(
  fc.constantFrom("n1", "memory:", "file:///tmp/log", "gs://b/p", "127.0.0.1:7101", "[::1]:1"),
  fc.constantFrom("4MiB", "0", "-0", "64 KiB", "1e3", "0x10", "9007199254740993", "true", "text"),
  fc.constantFrom("n1=127.0.0.1:7101", "n1=h:1,n2=h:2", "n1=h:1,n1=h:1", ",=,"),
  anyText,
);
const setting = fc.oneof(
  settingText,
  fc.integer(),
  fc.double(),
  fc.boolean(),
  fc.constant(null),
  fc.array(settingText, { maxLength: 3 }),
  fc.dictionary(settingText, settingText, { maxKeys: 3 }),
);
/** Mostly what a node takes. */
const settings = fc
  .tuple(
    fc.oneof(
      { arbitrary: fc.constant({ nodeId: "n1", store: "memory:" }), weight: 9 },
      { arbitrary: fc.constant({}), weight: 1 },
    ),
    fc.subarray([...nodeConfigKeys], { maxLength: 6 }),
    fc.array(
      fc.oneof({ arbitrary: fc.constant(undefined), weight: 9 }, { arbitrary: setting, weight: 1 }),
      {
        minLength: 6,
        maxLength: 6,
      },
    ),
  )
  .map(([basics, keys, odd]) => {
    const values = keys.map((key, at) => [key, odd[at] ?? nodeSettings[key].default]);
    const given = values.filter(([, value]) => value !== undefined);
    return { ...(Object.fromEntries(given) as object), ...basics };
  });

/** What a node relies on without looking again. */
function checkConfig(config: NodeConfig): void {
  for (const [key, value] of Object.entries(config)) {
    if (typeof value === "number")
      hold(Number.isSafeInteger(value) && value >= 0, `${key} is whole`);
  }
  hold(
    config.members.some(({ nodeId }) => nodeId === config.nodeId),
    "the node is a member",
  );
  hold(parseAddress(config.listen) !== undefined, "listen is an address");
  hold(config.electionTimeoutMs >= 3 * config.heartbeatIntervalMs, "heartbeats come in time");
}

function isUsageError(error: unknown): boolean {
  if (!(error instanceof UsageError)) return false;
  hold(error.message.length > 0 && error.message.length < 20_000, "a message can be read");
  return true;
}

function openFile(): OpenTarget {
  const directory = mkdtempSync(path.join(tmpdir(), "suraft-fuzz-"));
  const file = path.join(directory, "suraft.yaml");
  return {
    judge: (bytes): Judged => {
      writeFileSync(file, bytes);
      const source = { value: file, source: "--config" };
      const judged = taken(
        () => gatherNodeConfig({ flags: {}, environment: {}, file: source }).config,
        isUsageError,
      );
      if (judged.output !== undefined) checkConfig(judged.output);
      return judged;
    },
    close: async () => rmSync(directory, { recursive: true }),
  };
}

const configFile: Target = {
  name: "config/file",
  valid: settings.map((values) => Buffer.from(stringify(values))),
  damage: textDamage,
  tokens: [
    "&a ",
    "*a",
    "<<: *a",
    "!!binary ",
    "!!set ",
    "!!omap ",
    "!!timestamp ",
    "!!int ",
    "!x ",
    "? ",
    ": ",
    "- ",
    "[",
    "{",
    "]",
    "}",
    "|",
    ">",
    "\n",
    "\t",
    "#",
    "%YAML 9.9\n",
    "---\n",

    "__proto__: ",
    "nodeId: ",
    "members: ",
    ".nan",
    "-.inf",
    "0o17",
    "null",
    '"\\x00"',
    "\ufeff",
    "&a [*a]",
    "a: &a [x,x,x]\nb: &b [*a,*a,*a]\nmembers: [*b,*b,*b]\n",
  ],
  outputPerByte: 16,
  workPerByte: 200,
  metered: true,
  testRuns: 150,
  open: openFile,
};

/** Lines of NAME=value; names without SURAFT_ before them are flags. */
const environment = textTarget({
  name: "config/environment-and-flags",
  valid: fc
    .tuple(
      settings,
      fc.dictionary(
        fc.constantFrom("SURAFT_NODEID", "SURAFT_", "SURAFT___proto__", "PATH"),
        settingText,
        { maxKeys: 1 },
      ),
      fc.nat(),
    )
    .map(([values, strange, mask]) =>
      Object.entries({ ...values, ...strange })
        .map(([name, value], at) => {
          const isFlag = ((mask >>> (at % 30)) & 1) === 0;
          const key = nodeConfigKeys.find((one) => one === name);
          return `${isFlag || key === undefined ? name : environmentName(key)}=${typeof value === "object" ? JSON.stringify(value) : String(value)}`;
        })
        .join("\n"),
    ),
  tokens: ["=", ",", ":", "\n", "SURAFT_", "KiB", "MiB", "-", "0", "9", "e", "[", "]", "é"],
  // Each name that is no setting is compared with all that are.
  workPerByte: 3_000,
  outputPerByte: 16,
  judge: (text) => {
    const pairs = text.split("\n").map((line): [string, string] => {
      const split = line.indexOf("=");
      return [line.slice(0, Math.max(0, split)), line.slice(split + 1)];
    });
    const isEnvironment = ([name]: [string, string]): boolean => name.startsWith("SURAFT_");
    const judged = taken(
      () =>
        gatherNodeConfig({
          flags: Object.fromEntries(pairs.filter((pair) => !isEnvironment(pair))),
          environment: Object.fromEntries(pairs.filter(isEnvironment)),
          file: undefined,
        }).config,
      isUsageError,
    );
    if (judged.output !== undefined) checkConfig(judged.output);
    return judged;
  },
});

/** Values as no text can give them, but a caller of the library can. */
const values: Target = {
  ...environment,
  name: "config/value",
  valid: fc.nat(2 ** 31 - 1).map((seed) => Buffer.from(String(seed))),
  tokens: ["0", "1", "9"],
  open: () => ({
    judge: (bytes) => {
      const seed = Number.parseInt(Buffer.from(bytes).toString(), 10) || 0;
      const anything = fc.anything({
        withBigInt: true,
        withDate: true,
        withMap: true,
        withSet: true,
      });
      const pair = fc
        .constantFrom(...nodeConfigKeys)
        .chain((key) =>
          fc.tuple(fc.constant(key), fc.oneof(anything, fc.constant(nodeSettings[key].default))),
        );
      const [[key, value] = ["nodeId", 0]] = fc.sample(pair, { seed, numRuns: 1 });
      const given = { nodeId: "n1", store: "memory:", [key]: value };
      const sources = Object.entries(given).map(([name, one]) => [
        name,
        { value: one, source: "x" },
      ]);
      const result = checkNodeConfig(Object.fromEntries(sources));
      if (result.type === "valid") checkConfig(result.config);
      else for (const problem of result.problems) hold(/^\w+ .{10,}/s.test(problem), "a sentence");
      return { accepted: result.type === "valid" };
    },
  }),
};

export const configTargets: readonly Target[] = [configFile, environment, values];
