/**
 * Appends through one node for as long as it is told to, whatever happens there, and notes in a
 * journal what it was told.
 *
 * Invariant: once `stop` has resolved, every attempt has its outcome.
 */

import { once, EventEmitter } from "node:events";
import { setTimeout as wait } from "node:timers/promises";
import { connect } from "../../src/client/client.js";
import type { AppendSession } from "../../src/client/session.js";
import { within } from "./child.js";
import { entryOf, settle, type Journal } from "./journal.js";

/** Never full: appends go on coming while others wait, as those of many clients do. */
const windowAppends = 100_000;
const burstAppends = 4;
const burstEveryMs = 20;
/** Longer than any wait of a test, so that an append that hangs shows as such. */
const appendMsMax = 40_000;
const progressMsMax = 20_000;

export class Writer {
  acknowledgedCount = 0;
  readonly #address: string;
  readonly #journal: Journal;
  readonly #events = new EventEmitter();
  readonly #run: Promise<void>;
  #stopping = false;
  #broken: unknown;

  constructor(address: string, journal: Journal) {
    this.#address = address;
    this.#journal = journal;
    this.#run = this.#write();
  }

  /** Waits for so many acknowledgements from now on. */
  async progress(count: number): Promise<void> {
    const goal = this.acknowledgedCount + count;
    const reached = async (): Promise<void> => {
      while (this.acknowledgedCount < goal) await once(this.#events, "acknowledged");
    };
    await within(reached(), progressMsMax, () => {
      const missing = goal - this.acknowledgedCount;
      return `the writer at ${this.#address} lacks ${missing} of ${count} acknowledgements`;
    });
  }

  /** Begins no append any more and waits until all have their outcome. */
  async stop(): Promise<void> {
    this.#stopping = true;
    await this.#run;
    if (this.#broken !== undefined) throw this.#broken;
  }

  async #write(): Promise<void> {
    while (!this.#stopping) {
      const client = connect([this.#address], { timeoutMs: appendMsMax });
      // At most once: what each attempt was told is to be judged by itself.
      const session = client.openSession({ windowAppends, delivery: "atMostOnce" });
      await this.#throughSession(session);
      client.close();
      // The node is down, or has no leader: no busy loop meanwhile.
      if (!this.#stopping) await wait(20);
    }
  }

  async #throughSession(session: AppendSession): Promise<void> {
    const state = { open: true };
    const answers: Promise<void>[] = [];
    const number = this.#journal.newSession();
    while (state.open && !this.#stopping) {
      for (let i = 0; i < burstAppends && state.open; i++) {
        answers.push(this.#append(session, number, state));
      }
      await wait(burstEveryMs);
    }
    await session.close().catch(() => undefined);
    await Promise.all(answers);
  }

  async #append(session: AppendSession, number: number, state: { open: boolean }): Promise<void> {
    const payload = Buffer.from(`${this.#address} ${"x".repeat(100)}`);
    const attempt = this.#journal.begin(payload, number);
    try {
      await settle(attempt, session.append([entryOf(attempt)]));
    } catch (error) {
      this.#broken ??= error;
    }
    if (attempt.outcome.type !== "acknowledged") {
      state.open = false;
      return;
    }
    this.acknowledgedCount++;
    this.#events.emit("acknowledged");
  }
}
