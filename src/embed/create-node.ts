/**
 * A node that runs within a program.
 *
 * Invariant: a node starts once. Whatever fails leaves nothing running.
 */

import { Writable } from "node:stream";
import winston from "winston";
import { SuraftError } from "../errors.js";
import { checkNodeConfig, type GivenConfig } from "../node/config-check.js";
import { startNode, type RunningNode } from "../service/start-node.js";
import type { NodeConfig } from "../node/config.js";

/** Of the settings in the README's table all that make sense here. Sizes are bytes. */
export type NodeOptions = Partial<
  Omit<NodeConfig, "nodeId" | "store" | "members" | "logLevel" | "logFormat">
> & {
  /** This node's name, unique in the cluster and kept over restarts. */
  readonly nodeId: string;
  /**
   * The log's store: `gs://bucket/prefix`, `file:///directory`, or `memory:NAME`, which all nodes of this
   * process share that name it.
   */
  readonly store: string;
  /** The nodes of a new cluster: `host:port` by id. By default this node alone. */
  readonly members?: Readonly<Record<string, string>>;
  /** Hears what a node that is a process of its own would write to its log. */
  readonly onLog?: (event: NodeLogEvent) => void;
};

/** A line of a node's log. */
export interface NodeLogEvent {
  readonly level: "error" | "warn" | "info" | "debug";
  readonly message: string;
}

/** A node that was made by {@link createNode}. */
export interface EmbeddedNode {
  readonly nodeId: string;
  /** `host:port` where others reach it, with the port that it really has. Throws before it has started. */
  readonly address: string;
  /** Its server's port. Throws before it has started. */
  readonly port: number;
  /**
   * Rejects when the node may go on no more: a bug, a failed disk, another process with its name. Stop it
   * then. Never resolves.
   */
  readonly failed: Promise<never>;
  /**
   * Opens the store, founds the cluster if there is none, and begins to serve and to take part. Rejects
   * with a SuraftError that says what to change; nothing is left running then.
   */
  start(): Promise<void>;
  /**
   * Resolves once the node serves: it knows a leader, and the store answers. Rejects with `cancelled` when
   * the signal aborts first.
   */
  ready(options?: { readonly signal?: AbortSignal }): Promise<void>;
  /**
   * Hands the leadership over, answers every append that was taken, and stops, within `timeoutMs` (by
   * default the setting `stopTimeoutMs`). With 0 it ends at once, like a process that is killed. Safe to
   * call again, and before `start`.
   */
  stop(options?: { readonly timeoutMs?: number }): Promise<void>;
}

/**
 * Makes a node; call `start` then. Throws a SuraftError of kind `invalid` that names every setting that
 * is wrong. A program whose node moves tens of megabytes a second does twice as much when it is run by
 * `node --heap-growing-percent=400`, as `suraft serve` sets for itself.
 *
 * ```ts
 * const node = createNode({ nodeId: "n1", store: "file:///var/lib/log", listen: "127.0.0.1:0" });
 * await node.start();
 * await node.ready();
 * const client = connect([node.address]);
 * ```
 */
export function createNode({ onLog, ...settings }: NodeOptions): EmbeddedNode {
  const given = Object.fromEntries(
    Object.entries(settings)
      .filter(([, value]) => value !== undefined)
      .map(([key, value]) => [key, { value: value as unknown, source: "createNode" }]),
  );
  const check = checkNodeConfig(given as GivenConfig, { oneProcess: true });
  if (check.type === "invalid") throw new SuraftError("invalid", check.problems.join("; "));
  return new Embedded(check.config, loggerFor(onLog));
}

class Embedded implements EmbeddedNode {
  readonly nodeId: string;
  readonly failed: Promise<never>;
  readonly #config: NodeConfig;
  readonly #logger: winston.Logger;
  #fail: (error: unknown) => void = () => undefined;
  #starting: Promise<RunningNode> | undefined;
  #running: RunningNode | undefined;

  constructor(config: NodeConfig, logger: winston.Logger) {
    this.nodeId = config.nodeId;
    this.#config = config;
    this.#logger = logger;
    this.failed = new Promise<never>((_, reject) => (this.#fail = reject));
    this.failed.catch(() => undefined);
  }

  get address(): string {
    if (this.#running === undefined) {
      throw new SuraftError("invalid", `node ${this.nodeId} has not started: it has no address`);
    }
    return this.#running.address;
  }

  get port(): number {
    return Number(this.address.slice(this.address.lastIndexOf(":") + 1));
  }

  async start(): Promise<void> {
    if (this.#starting !== undefined) {
      throw new SuraftError("invalid", `node ${this.nodeId} was started before: make another one`);
    }
    this.#starting = startNode(this.#config, { logger: this.#logger });
    this.#running = await this.#starting;
    this.#running.failed.catch(this.#fail);
  }

  async ready({ signal }: { readonly signal?: AbortSignal } = {}): Promise<void> {
    if (this.#starting === undefined) {
      throw new SuraftError("invalid", `node ${this.nodeId} was not started`);
    }
    const running = await this.#starting;
    await running.serving(signal ?? new AbortController().signal);
  }

  async stop({ timeoutMs }: { readonly timeoutMs?: number } = {}): Promise<void> {
    const running = await this.#starting?.catch(() => undefined);
    await running?.stop(timeoutMs === undefined ? {} : { timeoutMs });
  }
}

function loggerFor(onLog: NodeOptions["onLog"]): winston.Logger {
  if (onLog === undefined) return winston.createLogger({ silent: true });
  const stream = new Writable({
    objectMode: true,
    write: ({ level, message }: NodeLogEvent, _encoding, done) => {
      onLog({ level, message: String(message) });
      done();
    },
  });
  return winston.createLogger({
    level: "debug",
    transports: [new winston.transports.Stream({ stream })],
  });
}
