/**
 * The state of the lock service: who holds what, and who waits for it.
 *
 * Invariant: a lock has at most one holder, and its token is the index of the entry that gave it: of two
 * holders the later one has the greater token.
 * Invariant: whoever holds or waits has a session that is open.
 * Invariant: no clock. A session ends by an entry, and only if none renewed it since.
 */

import type { LogEntry, StateMachine } from "suraft/replica";
import { decodeCommand, type Command } from "./commands.js";

/** What became of a command. */
export type Outcome =
  | { readonly type: "done" }
  /** The session's id. */
  | { readonly type: "opened"; readonly session: number }
  /** The lock is the session's, since the entry with this index. */
  | { readonly type: "held"; readonly token: number }
  /** The session stands in line. */
  | { readonly type: "waiting" }
  /** There is no such session any more. */
  | { readonly type: "gone" }
  | { readonly type: "ignored" };

export interface Session {
  readonly ttlMs: number;
  /** The index of the entry that renewed it last. */
  readonly renewed: number;
}

export interface Lock {
  readonly holder: number;
  readonly token: number;
  /** Sessions in line, in order. */
  readonly waiting: readonly number[];
}

export interface LockListener {
  /** A session is open and was renewed just now. */
  renewed(session: number, at: Session): void;
  /** A session has ended. */
  ended(session: number): void;
  /** A lock has another holder, or none. */
  moved(lock: string, to: Lock | undefined): void;
}

interface State {
  readonly sessions: readonly (readonly [number, Session])[];
  readonly locks: readonly (readonly [string, Lock])[];
}

export class LockMachine implements StateMachine<Outcome> {
  readonly #sessions = new Map<number, Session>();
  readonly #locks = new Map<string, Lock>();
  listener: LockListener = {
    renewed: () => undefined,
    ended: () => undefined,
    moved: () => undefined,
  };

  session(id: number): Session | undefined {
    return this.#sessions.get(id);
  }

  lock(name: string): Lock | undefined {
    return this.#locks.get(name);
  }

  apply(entries: readonly LogEntry[]): readonly Outcome[] {
    return entries.map(({ index, payload }) => {
      const command = decodeCommand(payload);
      return command === undefined ? { type: "ignored" } : this.#apply(command, index);
    });
  }

  buildSnapshot(): Iterable<Uint8Array> {
    const state: State = { sessions: [...this.#sessions], locks: [...this.#locks] };
    return [Buffer.from(JSON.stringify(state))];
  }

  async installSnapshot(content: AsyncIterable<Uint8Array>): Promise<void> {
    const chunks: Uint8Array[] = [];
    for await (const chunk of content) chunks.push(chunk);
    const { sessions, locks } = JSON.parse(Buffer.concat(chunks).toString()) as State;
    for (const session of this.#sessions.keys()) this.listener.ended(session);
    this.#sessions.clear();
    this.#locks.clear();
    for (const [id, session] of sessions) this.#renew(id, session);
    for (const [name, lock] of locks) this.#move(name, lock);
  }

  #apply(command: Command, index: number): Outcome {
    if (command.op === "open") {
      this.#renew(index, { ttlMs: command.ttlMs, renewed: index });
      return { type: "opened", session: index };
    }
    const session = this.#sessions.get(command.session);
    if (session === undefined) return { type: "gone" };
    switch (command.op) {
      case "renew":
        this.#renew(command.session, { ...session, renewed: index });
        return { type: "done" };
      case "expire":
        if (session.renewed === command.renewed) this.#end(command.session, index);
        return { type: "done" };
      case "close":
        this.#end(command.session, index);
        return { type: "done" };
      case "acquire":
        return this.#acquire(command.lock, command.session, index);
      case "release":
        this.#leave(command.lock, command.session, index);
        return { type: "done" };
    }
  }

  /** Repeats are harmless: a session holds a lock, or waits for it, once. */
  #acquire(name: string, session: number, index: number): Outcome {
    const lock = this.#locks.get(name);
    if (lock === undefined) {
      this.#move(name, { holder: session, token: index, waiting: [] });
      return { type: "held", token: index };
    }
    if (lock.holder === session) return { type: "held", token: lock.token };
    if (!lock.waiting.includes(session)) {
      this.#locks.set(name, { ...lock, waiting: [...lock.waiting, session] });
    }
    return { type: "waiting" };
  }

  /** The session neither holds the lock nor waits for it; if it held it, the next in line does. */
  #leave(name: string, session: number, index: number): void {
    const lock = this.#locks.get(name);
    if (lock === undefined) return;
    if (lock.holder !== session) {
      const waiting = lock.waiting.filter((one) => one !== session);
      this.#locks.set(name, { ...lock, waiting });
      return;
    }
    const [holder, ...waiting] = lock.waiting;
    this.#move(name, holder === undefined ? undefined : { holder, token: index, waiting });
  }

  #end(session: number, index: number): void {
    this.#sessions.delete(session);
    const locks = Array.from(this.#locks);
    for (const [name, { holder, waiting }] of locks) {
      if (holder === session || waiting.includes(session)) this.#leave(name, session, index);
    }
    this.listener.ended(session);
  }

  #renew(id: number, session: Session): void {
    this.#sessions.set(id, session);
    this.listener.renewed(id, session);
  }

  #move(name: string, lock: Lock | undefined): void {
    if (lock === undefined) this.#locks.delete(name);
    else this.#locks.set(name, lock);
    this.listener.moved(name, lock);
  }
}
