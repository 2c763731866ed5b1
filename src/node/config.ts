/**
 * A node's configuration: every setting, its default and its bounds in one table.
 *
 * The command line's flags, the environment's names, the keys of a config file, their help and
 * their checks all come from this table, so that they cannot differ.
 */

import type { z } from "zod";
import * as values from "./config-values.js";
import type { NodeMember } from "./node.js";

export const logLevels = ["error", "warn", "info", "debug"] as const;
export const quorums = ["votes", "storage"] as const;
export const logFormats = ["text", "json"] as const;

/** Everything a node is started with. */
export interface NodeConfig {
  readonly nodeId: string;
  /** `host:port`; port 0 takes a free one. */
  readonly listen: string;
  /** `host:port` under which nodes and clients reach this one. Ends in `:0` if `listen` does. */
  readonly advertise: string;
  readonly store: string;
  /** The list that founds the cluster; this node is in it. A founded cluster's own list rules. */
  readonly members: readonly NodeMember[];
  readonly electionTimeoutMs: number;
  readonly electionQuorum: (typeof quorums)[number];
  readonly leaseMs: number;
  readonly heartbeatIntervalMs: number;
  readonly storeTimeoutMs: number;
  readonly storeRequestTimeoutMs: number;
  readonly window: number;
  readonly segmentBytesMax: number;
  readonly segmentEntriesMax: number;
  readonly entryBytesMax: number;
  readonly appendBytesMax: number;
  readonly appendEntriesMax: number;
  readonly queueBytesMax: number;
  readonly cacheBytesMax: number;
  /** `G`, if this node founds the cluster. A founded cluster's own rules. */
  readonly graceMs: number;
  readonly checkpointSegments: number;
  readonly archiveBytesMax: number;
  readonly archiveSegments: number;
  readonly retentionAgeMs: number | undefined;
  readonly retentionEntriesMax: number | undefined;
  readonly retentionBytesMax: number | undefined;
  readonly retentionEntriesMin: number | undefined;
  readonly retentionIntervalMs: number;
  readonly retentionToSnapshot: boolean;
  readonly snapshotsKept: number;
  readonly snapshotBytesMax: number;
  readonly stopTimeoutMs: number;
  readonly logLevel: (typeof logLevels)[number];
  readonly logFormat: (typeof logFormats)[number];
  readonly apiEndpoint: string | undefined;
  readonly allowEmulator: boolean;
}

export type NodeConfigKey = keyof NodeConfig;

/** One row of the table. */
export interface Setting<Value> {
  readonly schema: z.ZodType<Value>;
  /** Undefined: there is none, or it follows from other settings as `defaultText` says. */
  readonly default: Value | undefined;
  /** The default for people, where `default` does not speak for itself. */
  readonly defaultText?: string;
  /** Stands for the value in a command line's help. */
  readonly placeholder: string;
  readonly description: string;
}

const KIB = 1024;
const MIB = 1024 ** 2;
const GIB = 1024 ** 3;
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
const TIB = 1024 ** 4;

/** Every setting of a node, in the order of the documentation. */
export const nodeSettings: { readonly [Key in NodeConfigKey]: Setting<NodeConfig[Key]> } = {
  nodeId: {
    schema: values.nodeId(),
    default: undefined,
    defaultText: "none, must be given",
    placeholder: "id",
    description: "this node's name, unique in the cluster and kept over restarts",
  },
  store: {
    schema: values.storeUrl(),
    default: undefined,
    defaultText: "none, must be given",
    placeholder: "url",
    description: "the log's store: gs://bucket/prefix, file:///directory or memory:",
  },
  listen: {
    schema: values.address({ anyPort: true }),
    default: "127.0.0.1:7101",
    placeholder: "host:port",
    description: "where to serve gRPC; port 0 takes a free one",
  },
  advertise: {
    schema: values.address({ anyPort: false }),
    default: undefined,
    defaultText: "this node's address in members, else listen",
    placeholder: "host:port",
    description: "where other nodes and clients reach this node",
  },
  members: {
    schema: values.members(),
    default: undefined,
    defaultText: "this node alone",
    placeholder: "id=host:port,...",
    description: "the nodes of a new cluster; one that exists keeps its own list",
  },
  electionTimeoutMs: {
    schema: values.milliseconds({ min: 50, max: 10 * MINUTE_MS }),
    default: 1000,
    placeholder: "ms",
    description: "without a leader for this long, up to twice as long, a node stands for election",
  },
  electionQuorum: {
    schema: values.oneOf(...quorums),
    default: "votes",
    placeholder: "votes|storage",
    description: "who elects where no majority answers: nobody (votes), or the store (storage)",
  },
  leaseMs: {
    schema: values.milliseconds({ min: 100, max: 60 * MINUTE_MS }),
    default: 10_000,
    placeholder: "ms",
    description: "with quorum storage: a leader that shows nothing for so long may be replaced",
  },
  heartbeatIntervalMs: {
    schema: values.milliseconds({ min: 5, max: MINUTE_MS }),
    default: 150,
    placeholder: "ms",
    description: "how often a leader tells the others that it leads",
  },
  storeTimeoutMs: {
    schema: values.milliseconds({ min: 100, max: 10 * MINUTE_MS }),
    default: 10_000,
    placeholder: "ms",
    description: "a leader whose oldest write has been open longer steps down",
  },
  storeRequestTimeoutMs: {
    schema: values.milliseconds({ min: 50, max: 5 * MINUTE_MS }),
    default: 3000,
    placeholder: "ms",
    description: "a request to the store is given up, and made again, after this long",
  },
  window: {
    schema: values.count({ min: 1, max: 256 }),
    default: 8,
    placeholder: "n",
    description: "segments that a leader writes at the same time",
  },
  segmentBytesMax: {
    schema: values.bytes({ min: 4 * KIB, max: 64 * MIB }),
    default: 4 * MIB,
    placeholder: "size",
    description: "the most bytes of entries in a segment",
  },
  segmentEntriesMax: {
    schema: values.count({ min: 1, max: 1_000_000 }),
    default: 16_384,
    placeholder: "n",
    description: "the most entries in a segment",
  },
  entryBytesMax: {
    schema: values.bytes({ min: KIB, max: 64 * MIB }),
    default: MIB,
    placeholder: "size",
    description: "the most bytes of an entry, payload and headers",
  },
  appendBytesMax: {
    schema: values.bytes({ min: KIB, max: 64 * MIB }),
    default: 4 * MIB,
    placeholder: "size",
    description: "the most bytes of an append",
  },
  appendEntriesMax: {
    schema: values.count({ min: 1, max: 1_000_000 }),
    default: 16_384,
    placeholder: "n",
    description: "the most entries of an append",
  },
  queueBytesMax: {
    schema: values.bytes({ min: 64 * KIB, max: 16 * GIB }),
    default: 64 * MIB,
    placeholder: "size",
    description: "the most bytes of appends without an answer; more are refused as OVERLOADED",
  },
  cacheBytesMax: {
    schema: values.bytes({ min: 64 * KIB, max: 64 * GIB }),
    default: 16 * MIB,
    placeholder: "size",
    description: "segments kept in memory for readers",
  },
  graceMs: {
    schema: values.milliseconds({ min: 1000, max: 30 * DAY_MS }),
    default: HOUR_MS,
    placeholder: "ms",
    description:
      "how long what is not needed any more is kept; longer than a process may sleep. Fixed when " +
      "a cluster is founded",
  },
  checkpointSegments: {
    schema: values.count({ min: 8, max: 100_000 }),
    default: 1000,
    placeholder: "n",
    description: "after so many segments the leader writes a checkpoint, where nodes start",
  },
  archiveBytesMax: {
    schema: values.bytes({ min: 64 * KIB, max: GIB }),
    default: 64 * MIB,
    placeholder: "size",
    description:
      "about the most bytes of old segments that are merged into an object; at least half",
  },
  archiveSegments: {
    schema: values.count({ min: 8, max: 1_000_000 }),
    default: 16_384,
    placeholder: "n",
    description: "or so many segments, however few bytes they have",
  },
  retentionAgeMs: {
    schema: values.milliseconds({ min: 1000, max: 100 * 366 * DAY_MS }).optional(),
    default: undefined,
    defaultText: "none: entries are kept for ever",
    placeholder: "ms",
    description: "entries that are older are trimmed",
  },
  retentionEntriesMax: {
    schema: values.count({ min: 1, max: Number.MAX_SAFE_INTEGER }).optional(),
    default: undefined,
    defaultText: "none",
    placeholder: "n",
    description: "entries before the last so many are trimmed, whole segments at a time",
  },
  retentionBytesMax: {
    schema: values.bytes({ min: MIB, max: 1024 * TIB }).optional(),
    default: undefined,
    defaultText: "none",
    placeholder: "size",
    description: "entries before the last so many bytes of segments are trimmed",
  },
  retentionEntriesMin: {
    schema: values.count({ min: 1, max: Number.MAX_SAFE_INTEGER }).optional(),
    default: undefined,
    defaultText: "none",
    placeholder: "n",
    description: "so many of the last entries are kept, whatever their age and size",
  },
  retentionIntervalMs: {
    schema: values.milliseconds({ min: 100, max: DAY_MS }),
    default: MINUTE_MS,
    placeholder: "ms",
    description:
      "how often the leader looks whether entries are to be trimmed; a trim may be so late",
  },
  retentionToSnapshot: {
    schema: values.flag(),
    default: false,
    placeholder: "true|false",
    description: "entries that the newest snapshot does not cover are kept by the policy",
  },
  snapshotsKept: {
    schema: values.count({ min: 1, max: 100 }),
    default: 3,
    placeholder: "n",
    description: "so many of the newest snapshots of the application are kept",
  },
  snapshotBytesMax: {
    schema: values.bytes({ min: KIB, max: 4 * GIB }),
    default: 4 * GIB,
    placeholder: "size",
    description: "the most bytes of a snapshot",
  },
  stopTimeoutMs: {
    schema: values.milliseconds({ min: 0, max: 10 * MINUTE_MS }),
    default: 10_000,
    placeholder: "ms",
    description: "how long a stopping node waits for calls under way",
  },
  logLevel: {
    schema: values.oneOf(...logLevels),
    default: "info",
    placeholder: "level",
    description: `what to write about: ${logLevels.join(", ")}`,
  },
  logFormat: {
    schema: values.oneOf(...logFormats),
    default: "text",
    placeholder: "format",
    description: "how to write it: text or json",
  },
  apiEndpoint: {
    schema: values.httpUrl(),
    default: undefined,
    defaultText: "Google's own",
    placeholder: "url",
    description: "for gs:// stores: another server of the storage API",
  },
  allowEmulator: {
    schema: values.flag(),
    default: false,
    placeholder: "true|false",
    description: "for gs:// stores: follow STORAGE_EMULATOR_HOST, without credentials",
  },
};

export const nodeConfigKeys = Object.keys(nodeSettings) as readonly NodeConfigKey[];

/** A setting's default for people. */
export function describeDefault(key: NodeConfigKey): string {
  const setting = nodeSettings[key];
  const value = setting.default;
  if (setting.defaultText !== undefined || value === undefined) {
    return setting.defaultText ?? "none";
  }
  return key.endsWith("BytesMax") && typeof value === "number"
    ? values.formatBytes(value)
    : `${value as string | number | boolean}`;
}
