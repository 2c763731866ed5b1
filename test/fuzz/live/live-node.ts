/**
 * A real node of a cluster of one, in this process, over the memory store; and what must hold of it
 * whatever is sent to its port.
 */

import { once } from "node:events";
import { connect as connectSocket } from "node:net";
import { Writable } from "node:stream";

import { createLogger, transports } from "winston";

import { Consistency, LogService } from "../../../gen/suraft/v1/log_pb.js";
import { ClusterService } from "../../../gen/suraft/v1/cluster_pb.js";
import { openStoreReader } from "../../../src/client/store-reader.js";
import { decodeEntries } from "../../../src/log/entry-run.js";
import type { EntryRun } from "../../../src/log/entry-run.js";
import { checkNodeConfig } from "../../../src/node/config-check.js";
import { openConnection, serviceClient, type Connection } from "../../../src/rpc/client.js";
import { defineService } from "../../../src/rpc/service-definition.js";
import { startNode, type RunningNode } from "../../../src/service/start-node.js";
import { plain } from "../../log/entries.js";
import { hold } from "../target.js";

const log = defineService(LogService, {});
const cluster = defineService(ClusterService, {});

const answerMs = 30_000;
let nodesStarted = 0;

/** A node, and an account of what its log must hold. */
export class LiveNode {
  readonly node: RunningNode;
  readonly clusterId: string;
  readonly #store: string;
  readonly #connection: Connection;
  readonly #complaints: string[];
  /** By index: entries that were acknowledged. */
  readonly #acknowledged = new Map<number, string>();
  /** Entries that may have been appended, beside those acknowledged. */
  #possible = 0;

  private constructor(options: {
    readonly node: RunningNode;
    readonly clusterId: string;
    readonly store: string;
    readonly connection: Connection;
    readonly complaints: string[];
  }) {
    this.node = options.node;
    this.clusterId = options.clusterId;
    this.#store = options.store;
    this.#connection = options.connection;
    this.#complaints = options.complaints;
  }

  static async start(): Promise<LiveNode> {
    const store = `memory:fuzz-${++nodesStarted}`;
    const given = {
      nodeId: "n1",
      listen: "127.0.0.1:0",
      // Of a port that was not asked for, the real one takes its place.
      advertise: "127.0.0.1:1",
      store,
      electionTimeoutMs: 300,
      heartbeatIntervalMs: 50,
      stopTimeoutMs: 1_000,
    };
    const sources = Object.entries(given).map(([key, value]) => [key, { value, source: "fuzz" }]);
    const check = checkNodeConfig(Object.fromEntries(sources));
    if (check.type === "invalid") throw new Error(check.problems.join("; "));
    const complaints: string[] = [];
    const stream = new Writable({
      write: (line: Buffer, _encoding, done) => {
        complaints.push(line.toString());
        done();
      },
    });
    const transport = new transports.Stream({ stream });
    const logger = createLogger({ level: "error", transports: [transport] });
    const node = await startNode(check.config, { logger });
    node.failed.catch((error: unknown) => complaints.push(`the node ended: ${String(error)}`));
    const connection = openConnection(node.address);
    const { getStatus } = serviceClient(cluster, connection);
    const { status } = await getStatus({}, { timeoutMs: answerMs, waitForReady: true });
    const clusterId = status?.clusterId ?? "";
    const live = new LiveNode({ node, clusterId, store, connection, complaints });
    await live.checkServes();
    return live;
  }

  get address(): { readonly host: string; readonly port: number } {
    const [host = "", port] = this.node.address.split(":");
    return { host, port: Number(port) };
  }

  /** Entries were acknowledged. */
  acknowledge(firstIndex: number, run: EntryRun): void {
    decodeEntries(run).forEach((entry, offset) => {
      const index = firstIndex + offset;
      hold(!this.#acknowledged.has(index), "no index is acknowledged twice");
      this.#acknowledged.set(index, textOf(entry));
    });
  }

  /** So many entries may be in the log, now or later. */
  maybe(entryCount: number): void {
    this.#possible += entryCount;
  }

  /** The node answers, has failed at nothing, and its log has grown by what it may have grown. */
  async checkHolds(): Promise<void> {
    const { getTail } = serviceClient(log, this.#connection);
    const request = { consistency: Consistency.LOCAL };
    const { nextIndex } = await getTail(request, { timeoutMs: answerMs, waitForReady: true });
    this.#checkComplaints();
    const entries = Number(nextIndex) - 1;
    const known = this.#acknowledged.size;
    hold(entries <= known + this.#possible, "the log holds nothing that was refused");
    hold(entries >= known, "the log holds what was acknowledged");
  }

  /** The node takes an append. */
  async checkServes(): Promise<void> {
    const { append } = serviceClient(log, this.#connection);
    const entry = { payload: Buffer.from("still here"), headers: [] };
    const request = { entries: [entry] };
    const { firstIndex } = await append(request, { timeoutMs: answerMs, waitForReady: true });
    this.#acknowledged.set(Number(firstIndex), textOf(entry));
    this.#checkComplaints();
  }

  /** Reads the log from the store: what was acknowledged is there, where it was said to be. */
  async close(): Promise<void> {
    try {
      await this.checkServes();
      const reader = openStoreReader(this.#store, { timeoutMs: answerMs });
      const left = new Map(this.#acknowledged);
      for await (const { batches } of reader.read()) {
        for (const { firstIndex, entries } of batches) {
          entries.forEach(({ key, ...entry }, offset) => {
            const index = firstIndex + offset;
            const text = textOf(key === "" ? entry : { ...entry, key });
            hold((left.get(index) ?? text) === text, "an acknowledged entry is read back");
            left.delete(index);
          });
        }
      }
      await reader.close();
      hold(left.size === 0, "no acknowledged entry is lost");
    } finally {
      this.#connection.close();
      await this.node.stop();
    }
  }

  #checkComplaints(): void {
    const [complaint] = this.#complaints.splice(0);
    hold(complaint === undefined, `nothing goes wrong within: ${complaint}`);
  }
}

function textOf(entry: Parameters<typeof plain>[0][number]): string {
  return JSON.stringify(plain([entry]));
}

/** Sends bytes to a port, and waits until the other side closes, or is not going to. */
export async function sendRaw(
  { host, port }: { readonly host: string; readonly port: number },
  bytes: Uint8Array,
  patienceMs: number,
): Promise<void> {
  const socket = connectSocket(port, host);
  socket.on("error", () => undefined);
  const closed = once(socket, "close");
  const timer = setTimeout(() => socket.destroy(), patienceMs);
  socket.resume();
  socket.end(bytes);
  await closed;
  clearTimeout(timer);
}
