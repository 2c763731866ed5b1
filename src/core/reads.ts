/**
 * Linearizable reads: who waits, and for which proof (PROTOCOL.md section 5).
 *
 * A reader is proven by a request first sent after it began: a create of this node's, now
 * committed, or a look that found the tail absent. A follower asks its leader instead, and looks
 * for itself when it gets no answer.
 *
 * Invariant: one look, or one question to the leader, serves every reader that waited before it.
 */

import type { CatchUp } from "./catch-up.js";
import type { Context } from "./context.js";
import type { KnownLog } from "./known-log.js";
import type { RequestId } from "./protocol.js";
import type { NodeId, Position } from "./types.js";

/** Who is told: a reader of this node, or a follower that asked. */
type Asker =
  | { readonly type: "local"; readonly readId: number }
  | { readonly type: "follower"; readonly nodeId: NodeId; readonly barrier: number };

interface Reader {
  readonly asker: Asker;
  /** Proven by a request at least this late. */
  readonly since: RequestId;
}

/** A question to the leader, and those that wait for its answer. */
interface Question {
  readonly barrier: number;
  readonly readers: readonly Reader[];
  readonly untilTick: number;
}

/** Readers whose tail the leader has proven; they wait until this node holds the log so far. */
interface Proven {
  readonly tail: Position;
  readonly readers: readonly Reader[];
}

export class Reads {
  readonly #context: Context;
  readonly #log: KnownLog;
  readonly #catchUp: CatchUp;
  #waiting: Reader[] = [];
  /** Whether the waiting readers prove themselves by the store, not by the leader. */
  #looking = false;
  #question: Question | undefined;
  #proven: Proven[] = [];
  /** The last question's number. Begins at random: an answer to a former process proves nothing. */
  #barriers: number;

  constructor(context: Context, log: KnownLog, catchUp: CatchUp) {
    this.#context = context;
    this.#log = log;
    this.#catchUp = catchUp;
    this.#barriers = Math.floor(context.options.random() * 2 ** 52);
  }

  begin(asker: Asker): void {
    this.#waiting.push({ asker, since: this.#context.nextRequest });
  }

  cancel(readId: number): void {
    const stays = (reader: Reader): boolean =>
      reader.asker.type !== "local" || reader.asker.readId !== readId;
    this.#waiting = this.#waiting.filter(stays);
    this.#proven = this.#proven.map(({ tail, readers }) => ({
      tail,
      readers: readers.filter(stays),
    }));
    if (this.#question !== undefined) {
      this.#question = { ...this.#question, readers: this.#question.readers.filter(stays) };
    }
  }

  /** The leader has answered, with or without a proven tail. */
  answered(barrier: number, tail: Position | undefined): void {
    const question = this.#question;
    if (question?.barrier !== barrier) return;
    this.#question = undefined;
    if (tail === undefined) {
      this.#lookFor(question.readers);
    } else {
      this.#catchUp.demand(tail);
      this.#proven.push({ tail, readers: question.readers });
    }
  }

  /** Answers whoever is proven and sees to a proof for the others. */
  pump(state: { leader: NodeId | undefined; busy: boolean }): void {
    const { now, options } = this.#context;
    if (this.#question !== undefined && now >= this.#question.untilTick) {
      const { readers } = this.#question;
      this.#question = undefined;
      this.#lookFor(readers);
    }
    this.#answer();
    if (this.#waiting.length === 0) {
      this.#looking = false;
      return;
    }
    if (state.leader === undefined || state.leader === options.nodeId) this.#looking = true;
    if (!this.#looking) {
      if (this.#question === undefined && state.leader !== undefined) this.#ask(state.leader);
    } else if (!state.busy) {
      // Under writes the next create proves the read for nothing; at rest, a look must.
      const last = this.#waiting.at(-1);
      if (last !== undefined) this.#catchUp.wantProof(last.since);
    }
  }

  /** No read can be proven any more. */
  failAll(): void {
    const readers = [
      ...this.#waiting,
      ...(this.#question?.readers ?? []),
      ...this.#proven.flatMap((proven) => proven.readers),
    ];
    this.#waiting = [];
    this.#question = undefined;
    this.#proven = [];
    const readIds = readers.flatMap(({ asker }) => (asker.type === "local" ? [asker.readId] : []));
    if (readIds.length > 0) this.#context.emit({ type: "readFailed", readIds });
  }

  #lookFor(readers: readonly Reader[]): void {
    this.#waiting = [...readers, ...this.#waiting];
    this.#looking = true;
  }

  #ask(leader: NodeId): void {
    const { now, options } = this.#context;
    const barrier = ++this.#barriers;
    const untilTick = now + options.settings.electionTicksMin;
    this.#question = { barrier, readers: this.#waiting, untilTick };
    this.#waiting = [];
    this.#context.emit({ type: "send", to: leader, message: { type: "barrierRequest", barrier } });
  }

  #answer(): void {
    const ready: number[] = [];
    const { proof } = this.#catchUp;
    const provenCount = this.#waiting.findIndex((reader) => reader.since > proof);
    const proven = this.#waiting.splice(0, provenCount < 0 ? this.#waiting.length : provenCount);
    // Those that came later ask the leader again: one silence does not make a follower look for ever.
    if (proven.length > 0) this.#looking = false;
    for (const { asker } of proven) this.#tell(asker, ready);
    this.#proven = this.#proven.filter(({ tail, readers }) => {
      if (tail > this.#log.tail) return true;
      for (const { asker } of readers) this.#tell(asker, ready);
      return false;
    });
    if (ready.length > 0) this.#context.emit({ type: "readReady", readIds: ready });
  }

  #tell(asker: Asker, ready: number[]): void {
    if (asker.type === "local") {
      ready.push(asker.readId);
      return;
    }
    this.#context.emit({
      type: "send",
      to: asker.nodeId,
      message: { type: "barrierResponse", barrier: asker.barrier, tailPosition: this.#log.tail },
    });
  }
}
