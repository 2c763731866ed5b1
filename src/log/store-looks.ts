/**
 * The core's gets of a reader that has no node: many under way at once, within a bound of bytes, and
 * answered in the order of their positions.
 *
 * Invariant: a get for a position is answered after all those for lower ones, so that a damaged object
 * is met where the log comes to it, and not before.
 * Invariant: what is under way or waits to be taken holds at most `bytesMax`, or is one object. It
 * counts as big as the biggest of late until it is here.
 */

import { withDeadline } from "../store/abort.js";
import { StoreError } from "../store/store.js";
import { segmentName } from "./names.js";
import { memoryBytes } from "./segment-cache.js";
import { decodeSegment } from "./segment-codec.js";
import type { GetOutcome, RequestId } from "../core/protocol.js";
import type { Position } from "../core/types.js";
import type { Store } from "../store/store.js";

/** An answer that is there to be taken. */
export interface LookAnswer {
  readonly request: RequestId;
  readonly outcome: GetOutcome;
  /** Why it is unavailable. */
  readonly cause: StoreError | undefined;
  /** What was read. */
  readonly bytes: number;
}

interface Look {
  readonly request: RequestId;
  readonly position: Position;
  isSent: boolean;
  answer: LookAnswer | undefined;
  chargedBytes: number;
}

export interface StoreLooksOptions {
  readonly store: Store;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  /** The next answer in order may have come. */
  readonly onAnswer: () => void;
}

const bytesMax = 32 * 1024 * 1024;

/** What an object is taken for before one was seen. */
const firstGuessBytes = 512 * 1024;

export class StoreLooks {
  readonly #options: StoreLooksOptions;
  /** In the order of their positions. */
  #looks: Look[] = [];
  #chargedBytes = 0;
  #guessBytes = firstGuessBytes;

  constructor(options: StoreLooksOptions) {
    this.#options = options;
  }

  ask(request: RequestId, position: Position): void {
    const look = { request, position, isSent: false, answer: undefined, chargedBytes: 0 };
    const place = this.#looks.findLastIndex((other) => other.position <= position) + 1;
    this.#looks.splice(place, 0, look);
    this.#send();
  }

  /** Takes the next answer in order, if it is here. */
  take(): LookAnswer | undefined {
    const [first] = this.#looks;
    if (first === undefined) return undefined;
    const isNext = ({ position, answer }: Look): boolean =>
      position === first.position && answer !== undefined;
    const place = this.#looks.findIndex(isNext);
    const look = this.#looks[place];
    if (look === undefined) return undefined;
    this.#looks.splice(place, 1);
    this.#charge(look, 0);
    this.#send();
    return look.answer;
  }

  #send(): void {
    for (const [place, look] of this.#looks.entries()) {
      if (look.isSent) continue;
      if (place > 0 && this.#chargedBytes + this.#guessBytes > bytesMax) return;
      look.isSent = true;
      this.#charge(look, this.#guessBytes);
      void this.#get(look);
    }
  }

  async #get(look: Look): Promise<void> {
    const { store, timeoutMs, signal, onAnswer } = this.#options;
    const { request, position } = look;
    const name = segmentName(position);
    try {
      const result = await withDeadline(signal, timeoutMs, (deadline) =>
        store.get(name, { signal: deadline }),
      );
      if (result.type === "absent") {
        look.answer = { request, outcome: result, cause: undefined, bytes: 0 };
      } else {
        const outcome = outcomeOf(result.bytes, position);
        look.answer = { request, outcome, cause: undefined, bytes: result.bytes.length };
      }
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      const { kind, message } = error;
      const outcome: GetOutcome =
        kind === "corrupt" ? { type: "corrupt", reason: message } : { type: "unavailable" };
      look.answer = { request, outcome, cause: error, bytes: 0 };
    }
    const { outcome } = look.answer;
    const bytes = outcome.type === "found" ? memoryBytes(outcome.segment) : 0;
    if (outcome.type === "found") {
      this.#guessBytes = Math.max(bytes, Math.ceil(this.#guessBytes / 2));
    }
    this.#charge(look, bytes);
    onAnswer();
  }

  #charge(look: Look, bytes: number): void {
    this.#chargedBytes += bytes - look.chargedBytes;
    look.chargedBytes = bytes;
  }
}

function outcomeOf(bytes: Uint8Array, position: Position): GetOutcome {
  const decoded = decodeSegment(bytes, position);
  if (decoded.type === "ok") return { type: "found", segment: decoded.segment };
  return { type: "corrupt", reason: `${segmentName(position)}: ${decoded.reason}` };
}
