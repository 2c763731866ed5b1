/** What an application implements to run a state machine on the log. */

import type { Header } from "../client/types.js";

/** An entry of the log as it is applied. */
export interface LogEntry {
  readonly index: number;
  readonly term: number;
  /**
   * The leader's time. It never decreases along the log and is the same for every replica: the only
   * clock that a state machine may look at.
   */
  readonly timestampMs: number;
  /** Shares memory with the message that it came in: copy what is kept long. */
  readonly payload: Uint8Array;
  readonly headers: readonly Header[];
  /** Empty if the entry has none. */
  readonly key: string;
}

/**
 * A state that is a function of the log. The contract is that of openraft's `RaftStateMachine`: apply,
 * build a snapshot, install a snapshot.
 *
 * The replica calls one method at a time, except that it may apply while it reads what `buildSnapshot`
 * gave, if it was told so (`concurrentSnapshots`). A method that throws ends the replica: an entry that
 * makes no sense is a case of `apply`, with a result that says so, alike on every replica.
 */
export interface StateMachine<Result> {
  /**
   * Applies entries in the order of their indexes, each exactly once, and gives a result for each. What
   * it does must follow from the state and the entries alone: no clock, no randomness, no I/O that
   * could differ.
   */
  apply(entries: readonly LogEntry[]): readonly Result[] | Promise<readonly Result[]>;

  /**
   * The state at this moment, as bytes that `installSnapshot` understands. With `concurrentSnapshots`
   * entries are applied while the bytes behind the first ones are taken: they must still be those of this
   * moment. (A generator runs up to its first `yield` before that, so it may copy the state there.)
   */
  buildSnapshot(): Iterable<Uint8Array> | AsyncIterable<Uint8Array>;

  /**
   * Replaces the whole state, whatever it is, by a snapshot's. If it throws, or what it reads from throws
   * (a damaged snapshot), an older snapshot is installed over it, or the replica ends.
   */
  installSnapshot(content: AsyncIterable<Uint8Array>, nextIndex: number): Promise<void>;

  /**
   * For a state that outlives the process: the index behind the last entry that is in it, kept together
   * with the state, so that no entry is applied twice. Without it the state begins empty.
   */
  appliedNextIndex?(): number | Promise<number>;
}
