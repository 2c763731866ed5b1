/**
 * Feeds the entries of an input to a session, and keeps account of what became of them.
 *
 * Invariant: at the end every entry that was read is counted once: as appended, as possibly in the
 * log, or as not appended.
 */

import type { AppendSession } from "../client/session.js";
import type { AppendDemands, Appended, Header } from "../client/types.js";
import { SuraftError } from "../errors.js";
import type { AppendInput } from "./append-input.js";
import type { AppendedEntry, AppendOutput } from "./append-output.js";
import { countOf } from "./terminal.js";

export interface AppendFeederOptions {
  readonly session: AppendSession;
  readonly input: AppendInput;
  readonly output: AppendOutput;
  readonly headers: readonly Header[];
  /** Of every entry. */
  readonly key: string | undefined;
  /** Of every append. */
  readonly demands: AppendDemands;
  /** All entries are one append: all of them are appended, or none. */
  readonly together: boolean;
}

export class AppendFeeder {
  readonly #options: AppendFeederOptions;
  readonly #over = new AbortController();
  #error: unknown;
  #read = 0;
  #failedAt: number | undefined;
  #unknownCount = 0;
  #failedCount = 0;

  constructor(options: AppendFeederOptions) {
    this.#options = options;
  }

  /** Why not everything was appended, with the account; undefined if all was well. */
  get failure(): unknown {
    const error = this.#error;
    if (!(error instanceof SuraftError)) {
      return error;
    }
    const where =
      this.#failedAt === undefined
        ? ""
        : `stopped at ${this.#options.input.nameOf(this.#failedAt)}; `;
    // Of a single entry the error says it all.
    const account = this.#read === 1 ? "" : `\n${where}${this.account()}`;
    return new SuraftError(error.kind, `${error.message}${account}`, {
      details: error.details,
      cause: error.cause,
    });
  }

  /** Reads until the input ends, a person interrupts or an append fails; then waits for the answers. */
  async run(interrupted: AbortSignal): Promise<void> {
    const { session, input } = this.#options;
    const stop = AbortSignal.any([interrupted, this.#over.signal]);
    stop.addEventListener("abort", input.stop, { once: true });
    try {
      await this.#feed(stop);
    } catch (error) {
      // An input that was stopped may end by an error of its own.
      if (!stop.aborted) {
        this.#fail(error);
      }
    }
    try {
      await session.close();
    } catch (error) {
      this.#fail(error);
    }
  }

  /** What became of the entries, for people. */
  account(): string {
    const { output } = this.#options;
    const parts = [output.count === 0 ? "nothing is appended" : `appended: ${output.summary()}`];
    if (this.#unknownCount > 0) {
      parts.push(`may be in the log or not: ${countOf(this.#unknownCount, "entry", "entries")}`);
    }
    if (this.#failedCount > 0) {
      parts.push(`not appended: ${countOf(this.#failedCount, "entry", "entries")}`);
    }
    return parts.join("; ");
  }

  async #feed(stop: AbortSignal): Promise<void> {
    const { input, together } = this.#options;
    const payloads: Uint8Array[] = [];
    for await (const payload of input.payloads) {
      if (stop.aborted) {
        return;
      }
      if (together) {
        payloads.push(payload);
      } else {
        await this.#append([payload]);
      }
    }
    if (payloads.length > 0) {
      await this.#append(payloads);
    }
  }

  async #append(payloads: readonly Uint8Array[]): Promise<void> {
    const { session, output, headers, key, demands } = this.#options;
    await session.room();
    await output.flushed();
    const number = this.#read + 1;
    this.#read += payloads.length;
    const keyed = key === undefined ? { headers } : { headers, key };
    const entries = payloads.map((payload) => ({ payload, ...keyed }));
    session.append(entries, demands).then(
      (appended) => {
        for (const [offset, { length }] of payloads.entries()) {
          output.acknowledged(entryAt(appended, offset), length);
        }
      },
      (error: unknown) => {
        this.#failed(number, payloads.length, error);
      },
    );
  }

  #failed(number: number, count: number, error: unknown): void {
    if (error instanceof SuraftError && error.kind === "unknown_outcome") {
      this.#unknownCount += count;
    } else {
      this.#failedCount += count;
    }
    this.#failedAt ??= number;
    this.#fail(error);
  }

  #fail(error: unknown): void {
    this.#error ??= error;
    this.#over.abort();
  }
}

function entryAt({ firstIndex, ...rest }: Appended, offset: number): AppendedEntry {
  return { ...rest, index: firstIndex === 0 ? undefined : firstIndex + offset };
}
