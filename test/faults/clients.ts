/**
 * The clients: writers, readers and followers at each node and at all, each a loop that goes on
 * whatever happens to the nodes, and tells the recorder what it was told.
 *
 * Invariant: once `stop` has resolved, every operation has its end.
 */

import { setMaxListeners } from "node:events";
import { setTimeout as wait } from "node:timers/promises";
import { connect, type Client } from "../../src/client/client.js";
import type { AppendSession } from "../../src/client/session.js";
import type { Appended } from "../../src/client/types.js";
import { SuraftError, type ErrorKind } from "../../src/errors.js";
import { isUnknown } from "../process/journal.js";
import { within } from "../process/child.js";
import { Random } from "../sim/random.js";
import type { FaultCluster } from "./cluster.js";
import { entriesOf } from "./content.js";
import { LogCursor } from "./cursor.js";
import { Reader } from "./reader.js";
import type { Recorder } from "./recorder.js";

const callTimeoutMs = 5_000;
const stopMsMax = 30_000;
const sessionWindow = 400;
/** Now and then a reader reads all of the log anew. */
const anewEvery = 150;

/** What a writer may be told when nodes, networks and stores fail, and nothing is wrong with the log. */
const ordinary: readonly ErrorKind[] = [
  "unavailable",
  "overloaded",
  "unknown_outcome",
  "deadline_exceeded",
  "cancelled",
];

export interface ClientsOptions {
  readonly cluster: FaultCluster;
  readonly recorder: Recorder;
  readonly seed: number;
}

/** Where a client calls: a node, or all. */
interface Place {
  readonly addresses: readonly string[];
  /** The process that answers, for the history. */
  readonly process: () => string;
}

export class Clients {
  readonly #recorder: Recorder;
  readonly #cluster: FaultCluster;
  readonly #random: Random;
  readonly #stopping = new AbortController();
  readonly #loops: Promise<void>[] = [];
  readonly #clients: Client[] = [];
  readonly #follows: { readonly process: () => string; readonly cursor: LogCursor }[] = [];
  #broken: unknown;

  constructor({ cluster, recorder, seed }: ClientsOptions) {
    this.#cluster = cluster;
    this.#recorder = recorder;
    this.#random = new Random(seed);
    // Each loop listens.
    setMaxListeners(0, this.#stopping.signal);
  }

  start(): void {
    const { nodes, addresses } = this.#cluster;
    const places: Place[] = nodes.map((node) => ({
      addresses: [node.process.address],
      process: () => node.processName,
    }));
    this.#recorder.availability.begin(this.#recorder.nowMs);
    for (const place of [...places, { addresses, process: () => "any" }]) {
      const client = this.#open(place);
      this.#loop(30, () => this.#appendOnce(client, place));
      this.#loop(20, () => this.#session(client, place));
    }
    for (const place of places) {
      const client = this.#open(place);
      this.#readerLoops(client, place);
      this.#loop(100, () => this.#follow(client, place));
    }
  }

  /** Whether every follow has seen the log up to the index. */
  followedTo(index: number): boolean {
    return this.#follows.every(({ cursor }) => cursor.nextIndex >= index);
  }

  /** Where each follow is, for people. */
  get follows(): string {
    const all = this.#follows.map(({ process, cursor }) => `${process()}: ${cursor.nextIndex}`);
    return all.join(", ");
  }

  /** Begins nothing any more and waits for every end. Rejects if one does not come. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#recorder.availability.end(this.#recorder.nowMs);
    try {
      await within(Promise.all(this.#loops), stopMsMax, () => "a client waits for an answer");
    } finally {
      for (const client of this.#clients) client.close();
    }
    if (this.#broken !== undefined) throw this.#broken;
  }

  get #stopped(): boolean {
    return this.#stopping.signal.aborted;
  }

  #open({ addresses }: Place): Client {
    const client = connect(addresses, { timeoutMs: callTimeoutMs });
    this.#clients.push(client);
    return client;
  }

  #loop(paceMs: number, step: () => Promise<unknown>): void {
    const { signal } = this.#stopping;
    const run = async (): Promise<void> => {
      while (!signal.aborted) {
        await step();
        const ms = paceMs * (0.5 + this.#random.next());
        await wait(ms, undefined, { signal }).catch(() => undefined);
      }
    };
    // What is no answer of suraft's is a defect, here or there: the run ends with it.
    this.#loops.push(run().catch((error: unknown) => void (this.#broken ??= error)));
  }

  #readerLoops(client: Client, { process }: Place): void {
    const recorder = this.#recorder;
    const linearizable = new Reader({ client, process, recorder });
    const local = new Reader({ client, process, recorder, level: "local" });
    this.#loop(60, async () => {
      if (this.#random.below(anewEvery) === 0) linearizable.startAnew();
      await linearizable.read();
    });
    this.#loop(40, () => linearizable.tail());
    this.#loop(80, () => (this.#random.chance(0.5) ? local.read() : local.tail()));
  }

  async #appendOnce(client: Client, { process }: Place): Promise<void> {
    const entries = 1 + this.#random.below(3);
    const op = this.#recorder.append({ process: process(), entries });
    await this.#settle(op, client.append(entriesOf(op, entries)));
  }

  /** Appends through a session until it is over. */
  async #session(client: Client, { process }: Place): Promise<void> {
    const session = client.openSession({ windowAppends: sessionWindow });
    const number = this.#recorder.newSession();
    const state = { over: false };
    const answers: Promise<void>[] = [];
    while (!state.over && !this.#stopped) {
      const burst = 1 + this.#random.below(4);
      for (let count = 0; count < burst && !state.over; count++) {
        await session.room();
        answers.push(this.#appendTo(session, { process: process(), session: number, state }));
      }
      await wait(20 + this.#random.below(80));
    }
    await session.close().catch(() => undefined);
    await Promise.all(answers);
  }

  async #appendTo(
    session: AppendSession,
    options: {
      readonly process: string;
      readonly session: number;
      readonly state: { over: boolean };
    },
  ): Promise<void> {
    const { process, session: number, state } = options;
    const entries = 1 + this.#random.below(2);
    const op = this.#recorder.append({ process, entries, session: number });
    const acknowledged = await this.#settle(op, session.append(entriesOf(op, entries)));
    if (!acknowledged) state.over = true;
  }

  /** Records what became of an append. */
  async #settle(op: number, answer: Promise<Appended>): Promise<boolean> {
    const recorder = this.#recorder;
    try {
      recorder.appended(op, await answer);
      return true;
    } catch (error) {
      if (!(error instanceof SuraftError)) throw error;
      const reason = `${error.kind}: ${error.message}`;
      if (isUnknown(error)) recorder.unknown(op, reason);
      else recorder.failed(op, reason);
      if (!ordinary.includes(error.kind)) {
        recorder.broken("odd-answer", `append ${op} was answered ${reason}`);
      }
      return false;
    }
  }

  async #follow(client: Client, { process }: Place): Promise<void> {
    const cursor = new LogCursor();
    this.#follows.push({ process, cursor });
    const recorder = this.#recorder;
    const reader = new Reader({ client, process, recorder });
    while (!this.#stopped) {
      await reader.follow(cursor, this.#stopping.signal);
      await wait(100);
    }
  }
}
