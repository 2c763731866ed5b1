/**
 * Turns what was gathered for a node into a `NodeConfig`, or into sentences about what is wrong.
 *
 * Invariant: a `NodeConfig` that `checkNodeConfig` returned is complete and consistent; the node
 * checks nothing again. Every problem names the key, what is allowed and where the value stands.
 */

import { nodeConfigKeys, nodeSettings, type NodeConfig, type NodeConfigKey } from "./config.js";
import { formatBytes, parseAddress } from "./config-values.js";
import { isRetaining, retentionPolicy } from "./retention.js";

/** A value and where it was found, for people: `--window`, `SURAFT_WINDOW`, `suraft.yaml, line 3`. */
export interface GivenValue {
  readonly value: unknown;
  readonly source: string;
}

/** What was gathered for a node; the rest is default. */
export type GivenConfig = { readonly [Key in NodeConfigKey]?: GivenValue };

export type ConfigCheck =
  | { readonly type: "valid"; readonly config: NodeConfig }
  /** One sentence for each problem, for people. */
  | { readonly type: "invalid"; readonly problems: readonly string[] };

type Draft = { -readonly [Key in NodeConfigKey]?: NodeConfig[Key] | undefined };

/**
 * Checks each value alone and all of them together. `oneProcess`: all members may run in this process, so
 * that `memory:NAME` is one store for them.
 */
export function checkNodeConfig(
  given: GivenConfig,
  { oneProcess = false }: { readonly oneProcess?: boolean } = {},
): ConfigCheck {
  const draft: Draft = {};
  const problems = nodeConfigKeys.flatMap((key) => checkValue(key, given[key], draft));
  for (const key of ["nodeId", "store"] as const) {
    if (given[key] === undefined) {
      problems.push(`${key} must be given: ${nodeSettings[key].description}`);
    }
  }
  const config = problems.length === 0 ? complete(draft) : undefined;
  if (config === undefined) {
    return { type: "invalid", problems };
  }
  const conflicts = [
    ...memberProblems(config, given, oneProcess),
    ...orderProblems(config),
    ...retentionProblems(config),
  ];
  return conflicts.length === 0
    ? { type: "valid", config }
    : { type: "invalid", problems: conflicts };
}

function checkValue<Key extends NodeConfigKey>(
  key: Key,
  found: GivenValue | undefined,
  draft: Draft,
): string[] {
  const setting = nodeSettings[key];
  if (found === undefined) {
    draft[key] = setting.default;
    return [];
  }
  const result = setting.schema.safeParse(found.value);
  if (result.success) {
    draft[key] = result.data;
    return [];
  }
  const reason = result.error.issues[0]?.message ?? "is not valid";
  return [`${key} ${reason}; ${found.source} says ${show(found.value)}`];
}

function show(value: unknown): string {
  try {
    return shorten(JSON.stringify(value) ?? "nothing");
  } catch {
    // A value that holds itself, as YAML's aliases can make it, has no JSON.
    return "something else";
  }
}

/** Text that is not longer than it helps. */
export function shorten(text: string, lengthMax = 60): string {
  return text.length > lengthMax ? `${text.slice(0, lengthMax - 3)}...` : text;
}

/** Derives what follows from other settings. */
function complete(draft: Draft): NodeConfig | undefined {
  const { nodeId, store, listen } = draft;
  if (nodeId === undefined || store === undefined || listen === undefined) {
    return undefined;
  }
  const own = draft.members?.find((member) => member.nodeId === nodeId)?.address;
  const advertise = draft.advertise ?? own ?? listen;
  const members = draft.members ?? [{ nodeId, address: advertise }];
  // Every other key has a default or may be undefined: the table's type holds the rest.
  return { ...(draft as NodeConfig), advertise, members };
}

const wildcardHosts = ["0.0.0.0", "::", "*"];

function memberProblems(config: NodeConfig, given: GivenConfig, oneProcess: boolean): string[] {
  const problems: string[] = [];
  const from = given.members === undefined ? "" : ` (${given.members.source})`;
  const host = parseAddress(config.advertise)?.host ?? "";
  if (wildcardHosts.includes(host)) {
    problems.push(
      `advertise must be given: others cannot call ${config.advertise}, where this node listens`,
    );
  }
  const own = config.members.find((member) => member.nodeId === config.nodeId);
  if (own === undefined) {
    const ids = config.members.map((member) => member.nodeId).join(", ");
    problems.push(`members${from} must name this node, ${config.nodeId}; it names ${ids}`);
  } else if (own.address !== config.advertise) {
    problems.push(
      `members${from} and advertise must agree: ${config.nodeId} is at ${own.address} in one` +
        ` and at ${config.advertise} in the other`,
    );
  }
  for (const [field, noun] of [
    ["nodeId", "id"],
    ["address", "address"],
  ] as const) {
    const seen = config.members.map((member) => member[field]);
    const twice = seen.find((value, index) => seen.indexOf(value) !== index);
    if (twice !== undefined) {
      problems.push(`members${from} must differ: the ${noun} ${twice} stands there twice`);
    }
  }
  const isShared = oneProcess && config.store !== "memory:";
  if (config.store.startsWith("memory:") && config.members.length > 1 && !isShared) {
    problems.push(
      `store memory: lives in one process and cannot be shared by` +
        ` ${String(config.members.length)} members; use file:///directory or gs://bucket/prefix`,
    );
  }
  return problems;
}

/** A retention policy that says two things at once, or nothing. */
function retentionProblems(config: NodeConfig): string[] {
  const { retentionEntriesMax, retentionEntriesMin, retentionToSnapshot } = config;
  const keeps = [
    retentionEntriesMin === undefined ? [] : "retentionEntriesMin",
    retentionToSnapshot ? "retentionToSnapshot" : [],
  ].flat();
  if (!isRetaining(retentionPolicy(config))) {
    return keeps.map(
      (key) =>
        `${key} says what is kept, and nothing says what is trimmed: give` +
        " retentionAgeMs, retentionEntriesMax or retentionBytesMax, or leave it out",
    );
  }
  if (retentionEntriesMax === undefined || retentionEntriesMin === undefined) return [];
  if (retentionEntriesMin <= retentionEntriesMax) return [];
  return [
    `retentionEntriesMax (${String(retentionEntriesMax)}) must be at least` +
      ` retentionEntriesMin (${String(retentionEntriesMin)}): entries cannot be both kept and trimmed`,
  ];
}

function orderProblems(config: NodeConfig): string[] {
  const problems: string[] = [];
  const ordered = (low: NodeConfigKey, high: NodeConfigKey, factor = 1): void => {
    const lowValue = Number(config[low]);
    const highValue = Number(config[high]);
    if (lowValue * factor > highValue) {
      const times = factor === 1 ? "" : `${String(factor)} times `;
      const show = low.endsWith("BytesMax") ? formatBytes : (n: number): string => String(n);
      problems.push(
        `${high} (${show(highValue)}) must be at least ${times}${low} (${show(lowValue)})`,
      );
    }
  };
  ordered("heartbeatIntervalMs", "electionTimeoutMs", 3);
  ordered("storeRequestTimeoutMs", "storeTimeoutMs");
  if (config.electionQuorum === "storage") ordered("electionTimeoutMs", "leaseMs", 6);
  ordered("entryBytesMax", "appendBytesMax");
  ordered("appendBytesMax", "segmentBytesMax");
  ordered("appendEntriesMax", "segmentEntriesMax");
  ordered("segmentBytesMax", "queueBytesMax");
  ordered("segmentBytesMax", "cacheBytesMax");
  return problems;
}
