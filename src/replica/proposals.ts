/**
 * The entries that this replica proposed and whose results somebody waits for.
 *
 * A proposed entry carries a header with a name that no other proposal has. So its result is found when
 * the entry is applied, whether or not the answer to its append was lost, and nobody need keep results
 * of entries that others appended.
 *
 * Invariant: a proposal is appended at most once: again only after an error that vouches that it is not
 * in the log.
 */

import { randomBytes } from "node:crypto";
import { SuraftError } from "../errors.js";
import type { AppendSession } from "../client/session.js";
import type { Client } from "../client/client.js";
import type { NewEntry } from "../client/types.js";
import type { LogEntry } from "./state-machine.js";

/** The header that tells proposals apart: the replica's name and the proposal's number. */
export const proposalHeader = "suraft-proposal";

const nameBytes = 10;
const numberBytes = 6;

/** An applied entry and what the state machine made of it. */
export interface Applied<Result> {
  readonly index: number;
  readonly timestampMs: number;
  readonly result: Result;
}

interface Proposal<Result> {
  readonly resolve: (applied: Applied<Result>) => void;
  readonly reject: (error: SuraftError) => void;
  /** Known once the append was answered. */
  index: number | undefined;
}

export interface ProposalBounds {
  readonly endMs: number;
  readonly signal?: AbortSignal | undefined;
}

export class Proposals<Result> {
  readonly #client: Client;
  readonly #timeoutMs: number;
  readonly #name = randomBytes(nameBytes);
  readonly #open = new Map<number, Proposal<Result>>();
  #session: AppendSession | undefined;
  #lastNumber = 0;
  /** A snapshot took the place of the entries below this index. */
  #skippedBelow = 1;
  #failure: SuraftError | undefined;

  constructor(client: Client, timeoutMs: number) {
    this.#client = client;
    this.#timeoutMs = timeoutMs;
  }

  /** Appends an entry; resolves when it is applied here. */
  async propose(entry: NewEntry, bounds: ProposalBounds): Promise<Applied<Result>> {
    if (this.#failure !== undefined) throw this.#failure;
    const number = ++this.#lastNumber;
    const value = Buffer.alloc(nameBytes + numberBytes);
    this.#name.copy(value);
    value.writeUIntBE(number, nameBytes, numberBytes);
    const named = {
      ...entry,
      headers: [...(entry.headers ?? []), { key: proposalHeader, value }],
    };
    return await new Promise<Applied<Result>>((resolve, reject) => {
      const proposal: Proposal<Result> = { resolve, reject, index: undefined };
      this.#open.set(number, proposal);
      this.#append(named, bounds).then(
        (index) => {
          proposal.index = index;
          if (index < this.#skippedBelow) this.#skip(number, proposal);
        },
        (error: unknown) => {
          this.#open.delete(number);
          reject(asError(error));
        },
      );
    });
  }

  /** How many have no result yet. */
  get openCount(): number {
    return this.#open.size;
  }

  /** An entry was applied. */
  applied(entry: LogEntry, result: Result): void {
    if (this.#open.size === 0) return;
    const { index, timestampMs } = entry;
    for (const { key, value } of entry.headers) {
      if (key !== proposalHeader) continue;
      const number = this.#numberOf(value);
      const proposal = number === undefined ? undefined : this.#open.get(number);
      if (number === undefined || proposal === undefined) continue;
      this.#open.delete(number);
      proposal.resolve({ index, timestampMs, result });
    }
  }

  /** A snapshot took the place of all entries below `nextIndex`. */
  skipped(nextIndex: number): void {
    this.#skippedBelow = nextIndex;
    for (const [number, proposal] of this.#open) {
      if (proposal.index !== undefined && proposal.index < nextIndex) this.#skip(number, proposal);
    }
  }

  /** The replica is over: what is open may be in the log, and is not applied here any more. */
  fail(error: SuraftError): void {
    this.#failure ??= error;
    void this.#session?.close().catch(() => undefined);
    const message = `${error.message}; the entry may be in the log or not, now or later`;
    for (const { reject } of this.#open.values()) {
      reject(new SuraftError("unknown_outcome", message, { cause: error }));
    }
    this.#open.clear();
  }

  #skip(number: number, { index, reject }: Proposal<Result>): void {
    // Unless it was applied before the answer to its append came.
    if (!this.#open.delete(number)) return;
    const message = `the entry stands at index ${index}, but its result is within a snapshot`;
    reject(new SuraftError("unknown_outcome", message, { details: { index: String(index) } }));
  }

  async #append(entry: NewEntry, bounds: ProposalBounds): Promise<number> {
    for (;;) {
      this.#session ??= this.#client.openSession({ timeoutMs: this.#timeoutMs });
      const session = this.#session;
      await session.room();
      if (bounds.signal?.aborted === true) {
        throw new SuraftError("cancelled", "given up before it was sent");
      }
      try {
        return (await session.append([entry])).firstIndex;
      } catch (error) {
        if (!(error instanceof SuraftError)) throw error;
        if (error.kind === "overloaded") continue;
        // A session ends with its first failure, which may have been another proposal's.
        if (this.#session === session) this.#session = undefined;
        if (this.#failure !== undefined) throw this.#failure;
        if (error.kind !== "unavailable" || performance.now() >= bounds.endMs) throw error;
      }
    }
  }

  #numberOf(value: Uint8Array): number | undefined {
    const bytes = Buffer.from(value.buffer, value.byteOffset, value.length);
    const ours =
      bytes.length === nameBytes + numberBytes && bytes.subarray(0, nameBytes).equals(this.#name);
    return ours ? bytes.readUIntBE(nameBytes, numberBytes) : undefined;
  }
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
