/**
 * What writers were told, and whether the log agrees.
 *
 * Every append is an *attempt* with a number of its own, which travels in a header of its entry. So
 * the log says of each of its entries which attempt it came from, also where payloads are alike.
 */

import { SuraftError } from "../../src/errors.js";
import type { Client } from "../../src/client/client.js";
import type { Appended, NewEntry } from "../../src/client/types.js";

/** What its writer was told of an attempt. */
export type Outcome =
  | { readonly type: "open" }
  | { readonly type: "acknowledged"; readonly index: number; readonly term: number }
  /** Certainly not in the log. */
  | { readonly type: "refused"; readonly error: SuraftError }
  /** In the log or not. */
  | { readonly type: "unknown"; readonly error: SuraftError };

export interface Attempt {
  readonly number: number;
  readonly payload: Uint8Array;
  /** Attempts of one session stand in the log in the order of their numbers. */
  readonly session: number | undefined;
  outcome: Outcome;
}

/** An entry as it was read. */
export interface ReadEntry {
  readonly index: number;
  readonly payload: Uint8Array;
  /** The attempt that the header names. */
  readonly attempt: number | undefined;
}

const headerKey = "attempt";

export class Journal {
  readonly attempts: Attempt[] = [];
  #sessionCount = 0;

  /** A number for a new session. */
  newSession(): number {
    return ++this.#sessionCount;
  }

  /** Opens an attempt. */
  begin(payload: Uint8Array, session?: number): Attempt {
    const number = this.attempts.length;
    const attempt: Attempt = { number, payload, session, outcome: { type: "open" } };
    this.attempts.push(attempt);
    return attempt;
  }

  count(type: Outcome["type"]): number {
    return this.attempts.filter(({ outcome }) => outcome.type === type).length;
  }
}

/** The entry to append for an attempt. */
export function entryOf(attempt: Attempt): NewEntry {
  const value = Buffer.from(String(attempt.number));
  return { payload: attempt.payload, headers: [{ key: headerKey, value }] };
}

/** Notes what became of an append. Rejects for what a client should never say. */
export async function settle(attempt: Attempt, answer: Promise<Appended>): Promise<void> {
  try {
    const { firstIndex, term } = await answer;
    attempt.outcome = { type: "acknowledged", index: firstIndex, term };
  } catch (error) {
    if (!(error instanceof SuraftError)) throw error;
    attempt.outcome = { type: isUnknown(error) ? "unknown" : "refused", error };
  }
}

/** Whether an append that failed so may be in the log. */
export function isUnknown({ kind }: SuraftError): boolean {
  return kind === "unknown_outcome" || kind === "deadline_exceeded" || kind === "cancelled";
}

/** Everything that a node's linearizable read gives, from the first entry to the tail. */
export async function readAll(client: Client): Promise<readonly ReadEntry[]> {
  const entries: ReadEntry[] = [];
  for await (const { batches } of client.read()) {
    for (const batch of batches) {
      for (const [offset, { payload, headers }] of batch.entries.entries()) {
        const header = headers.find(({ key }) => key === headerKey);
        entries.push({
          index: batch.firstIndex + offset,
          payload,
          attempt: header === undefined ? undefined : Number(Buffer.from(header.value).toString()),
        });
      }
    }
  }
  return entries;
}

/**
 * Where log and journal disagree, in sentences; empty if all is well: indexes are dense from 1, every
 * acknowledged attempt stands exactly at its index, every unknown one at most once, no other at
 * all, the attempts of one session stand in their order, and all bytes are those that were appended.
 */
export function disagreements(
  log: readonly ReadEntry[],
  attempts: readonly Attempt[],
): readonly string[] {
  const found: string[] = [];
  const places = new Map<number, number>();
  const lastOf = new Map<number, number>();
  for (const [offset, { index, payload, attempt: number }] of log.entries()) {
    if (index !== offset + 1) found.push(`index ${index} stands where ${offset + 1} belongs`);
    const attempt = number === undefined ? undefined : attempts[number];
    if (attempt === undefined) {
      found.push(`the entry at ${index} was never appended`);
      continue;
    }
    const before = places.get(attempt.number);
    if (before !== undefined) {
      found.push(`attempt ${attempt.number} stands at ${before} and at ${index}`);
    }
    places.set(attempt.number, index);
    const { session } = attempt;
    const last = session === undefined ? undefined : lastOf.get(session);
    if (last !== undefined && last > attempt.number) {
      found.push(`attempt ${attempt.number} at ${index} stands behind ${last} of its session`);
    }
    if (session !== undefined) lastOf.set(session, attempt.number);
    if (Buffer.compare(payload, attempt.payload) !== 0) {
      found.push(`the entry at ${index} has other bytes than attempt ${attempt.number}`);
    }
  }
  for (const attempt of attempts) {
    const complaint = misplaced(attempt, places.get(attempt.number));
    if (complaint !== undefined) found.push(complaint);
  }
  return found;
}

function misplaced({ number, outcome }: Attempt, place: number | undefined): string | undefined {
  const where = place === undefined ? "is not in the log" : `stands at ${place}`;
  switch (outcome.type) {
    case "acknowledged":
      if (outcome.index === place) return undefined;
      return `attempt ${number} was acknowledged at ${outcome.index} but ${where}`;
    case "refused":
      if (place === undefined) return undefined;
      return `attempt ${number} was refused (${outcome.error.message}) but ${where}`;
    case "open":
      return `attempt ${number} was never answered; it ${where}`;
    case "unknown":
      return undefined;
  }
}
