/**
 * Locks with sessions: a process of the service. Any number may run on one log.
 *
 * Invariant: a session is only proposed to be ended by a process that has seen no renewal for the session's
 * whole time, by its own monotonic clock, since it applied the last one. A holder counts from before it
 * sent the renewal, so it knows first that it may have lost its locks.
 */

import { SuraftError, type Client } from "suraft/client";
import { startReplica, type Replica, type SnapshotStore } from "suraft/replica";
import { encodeCommand, type Command } from "./commands.js";
import { LockMachine, type Lock, type Outcome, type Session } from "./lock-machine.js";

export interface LockServiceOptions {
  readonly client: Client;
  readonly snapshots?: SnapshotStore;
}

export interface Bounds {
  readonly signal?: AbortSignal;
  readonly timeoutMs?: number;
}

/** What a session has of a lock. */
export type Standing =
  { readonly type: "held"; readonly token: number } | { readonly type: "waiting" };

export const ttlMsMin = 100;
export const ttlMsMax = 3_600_000;
const nameBytesMax = 256;

/** Opens the service on a log. */
export async function openLockService(options: LockServiceOptions): Promise<LockService> {
  const { client, snapshots } = options;
  const machine = new LockMachine();
  const service = new LockService(machine);
  await service.begin(
    await startReplica({ client, machine, ...(snapshots === undefined ? {} : { snapshots }) }),
  );
  return service;
}

export class LockService {
  readonly #machine: LockMachine;
  readonly #timers = new Map<number, NodeJS.Timeout>();
  /** Who waits here for a lock to move or for a session to end. */
  #watching: (() => void)[] = [];
  #replica: Replica<Outcome> | undefined;

  constructor(machine: LockMachine) {
    this.#machine = machine;
    machine.listener = {
      renewed: (id, session) => this.#watch(id, session),
      ended: (id) => this.#forget(id),
      moved: () => this.#wake(),
    };
  }

  async begin(replica: Replica<Outcome>): Promise<void> {
    this.#replica = replica;
    try {
      await replica.barrier();
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  get failed(): Promise<never> {
    return this.#running().failed;
  }

  /** Opens a session; resolves to its id. It ends when it was not renewed for `ttlMs`. */
  async open(ttlMs: number, bounds: Bounds = {}): Promise<number> {
    if (!Number.isInteger(ttlMs) || ttlMs < ttlMsMin || ttlMs > ttlMsMax) {
      const range = `from ${ttlMsMin} to ${ttlMsMax}`;
      throw new SuraftError("invalid", `ttlMs must be a whole number of milliseconds ${range}`);
    }
    const outcome = await this.#propose({ op: "open", ttlMs }, bounds);
    if (outcome.type !== "opened") throw new SuraftError("corrupt", "the log opened no session");
    return outcome.session;
  }

  /** Rejects with `conflict` if the session has ended. Safe to repeat, like all that follows. */
  async renew(session: number, bounds: Bounds = {}): Promise<void> {
    await this.#ofSession({ op: "renew", session }, bounds);
  }

  /** Ends a session: its locks are free at once. */
  async close(session: number, bounds: Bounds = {}): Promise<void> {
    await this.#propose({ op: "close", session }, bounds);
  }

  /**
   * Takes a lock, or a place in line, and waits for its turn for at most `waitMs`. Whoever still waits
   * then keeps the place: call again.
   */
  async acquire(
    {
      session,
      lock,
      waitMs,
    }: { readonly session: number; readonly lock: string; readonly waitMs: number },
    bounds: Bounds = {},
  ): Promise<Standing> {
    const size = Buffer.byteLength(lock);
    if (size === 0 || size > nameBytesMax) {
      throw new SuraftError("invalid", `a lock's name has 1 to ${nameBytesMax} bytes`);
    }
    const outcome = await this.#ofSession({ op: "acquire", session, lock }, bounds);
    if (outcome.type === "held") return outcome;
    return await this.#turnOf(session, lock, waitMs, bounds.signal);
  }

  /** Gives a lock back, or the place in line. */
  async release(session: number, lock: string, bounds: Bounds = {}): Promise<void> {
    await this.#ofSession({ op: "release", session, lock }, bounds);
  }

  /** Who holds a lock now. A linearizable read. */
  async holder(lock: string, bounds: Bounds = {}): Promise<Lock | undefined> {
    return await this.#running().read(() => this.#machine.lock(lock), bounds);
  }

  /** Ends this process of the service; sessions live on in the others. */
  async stop(): Promise<void> {
    for (const timer of this.#timers.values()) clearTimeout(timer);
    this.#timers.clear();
    await this.#replica?.close();
    this.#wake();
  }

  #running(): Replica<Outcome> {
    if (this.#replica === undefined)
      throw new SuraftError("unavailable", "the service is starting");
    return this.#replica;
  }

  async #propose(command: Command, bounds: Bounds): Promise<Outcome> {
    const entry = { payload: encodeCommand(command) };
    return (await this.#running().propose(entry, bounds)).result;
  }

  async #ofSession(
    command: Command & { readonly session: number },
    bounds: Bounds,
  ): Promise<Outcome> {
    const outcome = await this.#propose(command, bounds);
    if (outcome.type === "gone") throw gone(command.session);
    return outcome;
  }

  async #turnOf(
    session: number,
    lock: string,
    waitMs: number,
    signal: AbortSignal | undefined,
  ): Promise<Standing> {
    const untilMs = performance.now() + waitMs;
    for (;;) {
      if (this.#machine.session(session) === undefined) throw gone(session);
      const found = this.#machine.lock(lock);
      if (found?.holder === session) return { type: "held", token: found.token };
      const leftMs = untilMs - performance.now();
      if (leftMs <= 0 || signal?.aborted === true) return { type: "waiting" };
      await this.#moved(leftMs, signal);
    }
  }

  #moved(leftMs: number, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        clearTimeout(timer);
        signal?.removeEventListener("abort", wake);
        resolve();
      };
      const timer = setTimeout(wake, leftMs);
      signal?.addEventListener("abort", wake);
      this.#watching.push(wake);
    });
  }

  #wake(): void {
    for (const wake of this.#watching.splice(0)) wake();
  }

  #watch(session: number, { ttlMs, renewed }: Session): void {
    clearTimeout(this.#timers.get(session));
    const timer = setTimeout(() => void this.#expire(session, { ttlMs, renewed }), ttlMs);
    this.#timers.set(session, timer);
  }

  #forget(session: number): void {
    clearTimeout(this.#timers.get(session));
    this.#timers.delete(session);
    this.#wake();
  }

  /** Proposes the end; tries again while the log cannot be reached. */
  async #expire(session: number, at: Session): Promise<void> {
    try {
      await this.#propose({ op: "expire", session, renewed: at.renewed }, {});
    } catch {
      if (this.#machine.session(session)?.renewed === at.renewed && this.#timers.has(session)) {
        this.#watch(session, at);
      }
    }
  }
}

function gone(session: number): SuraftError {
  return new SuraftError("conflict", `session ${session} has ended`, {
    details: { condition: "session" },
  });
}
