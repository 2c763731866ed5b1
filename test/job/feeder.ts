/**
 * Appends lines in order, one entry each, through sessions at followers, whatever happens to the
 * nodes.
 *
 * Invariant: a line is appended anew only after an attempt that failed, and never once it is
 * acknowledged. An attempt of unknown outcome stays in the journal as such.
 */

import { setTimeout as wait } from "node:timers/promises";
import { connect } from "../../src/client/client.js";
import type { AppendSession } from "../../src/client/session.js";
import { entryOf, settle, type Attempt, type Journal } from "../process/journal.js";

/** A session's appends without an answer. */
const windowAppends = 1_000;
const appendMsMax = 15_000;

export interface FeederOptions {
  readonly lines: readonly Uint8Array[];
  readonly journal: Journal;
  /** The address of a node that follows now. */
  readonly follower: () => Promise<string>;
  /** Called at each acknowledgement with the number of lines that have theirs. */
  readonly onAcknowledged: (lineCount: number) => void;
  /** Resolves once the line may be sent. */
  readonly gate: (line: number) => Promise<void>;
}

interface SessionState {
  open: boolean;
  /** As the journal numbers it. */
  readonly session: number;
}

export class Feeder {
  /** Lines below are acknowledged. */
  acknowledgedCount = 0;
  /** How many sessions it took. */
  sessionCount = 0;
  readonly #options: FeederOptions;
  /** The open session should end, so that the next one goes through another node. */
  #moving = false;
  /** Something that no failure of a node explains. */
  #broken: Error | undefined;

  constructor(options: FeederOptions) {
    this.#options = options;
  }

  /** Ends the session in hand and goes on through whichever node follows then. */
  move(): void {
    this.#moving = true;
  }

  /** Appends one line by other means than a session. Repeats it until it is acknowledged. */
  async appendBy(append: (attempt: Attempt) => Promise<void>): Promise<void> {
    const line = this.acknowledgedCount;
    while (this.acknowledgedCount === line) {
      const attempt = this.#options.journal.begin(this.#line(line));
      await append(attempt);
      if (attempt.outcome.type === "acknowledged") this.#acknowledged(line);
    }
  }

  /** Appends all lines that are left. Rejects when a session could do nothing within its time. */
  async run(): Promise<void> {
    while (this.acknowledgedCount < this.#options.lines.length) {
      const before = this.acknowledgedCount;
      await this.#throughOneNode(await this.#options.follower());
      // A node that refuses at once must not make this a busy loop.
      if (this.acknowledgedCount === before) await wait(50);
    }
  }

  async #throughOneNode(address: string): Promise<void> {
    this.sessionCount++;
    this.#moving = false;
    const client = connect([address], { timeoutMs: appendMsMax });
    const session = client.openSession({ windowAppends });
    const state = { open: true, session: this.#options.journal.newSession() };
    const answers: Promise<void>[] = [];
    const { lines, gate } = this.#options;
    for (let line = this.acknowledgedCount; line < lines.length; line++) {
      await gate(line);
      await session.room();
      if (!state.open || this.#moving) break;
      answers.push(this.#append(session, line, state));
    }
    await session.close().catch(() => undefined);
    await Promise.all(answers);
    client.close();
    if (this.#broken !== undefined) throw this.#broken;
  }

  async #append(session: AppendSession, line: number, state: SessionState): Promise<void> {
    const attempt = this.#options.journal.begin(this.#line(line), state.session);
    try {
      await settle(attempt, session.append([entryOf(attempt)]));
      if (attempt.outcome.type === "acknowledged") this.#acknowledged(line);
      else state.open = false;
    } catch (error) {
      this.#broken ??= error instanceof Error ? error : new Error(String(error));
      state.open = false;
    }
  }

  #acknowledged(line: number): void {
    if (line !== this.acknowledgedCount) {
      throw new Error(`line ${line + 1} was acknowledged before line ${line}`);
    }
    this.acknowledgedCount++;
    this.#options.onAcknowledged(this.acknowledgedCount);
  }

  #line(line: number): Uint8Array {
    const bytes = this.#options.lines[line];
    if (bytes === undefined) throw new Error(`there is no line ${line}`);
    return bytes;
  }
}
