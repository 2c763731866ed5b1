/**
 * The store of a transcript: objects by position, and requests whose fate the script decides.
 *
 * A request reaches the store when the script says so, and its answer reaches the node when the
 * script says so: a create may land long after its sender was told that the outcome is unknown.
 */

import { assert } from "../../src/core/assert.js";
import type { CreateOutcome, Effect, GetOutcome } from "../../src/core/protocol.js";
import type { Position, Segment } from "../../src/core/types.js";

type StoreEffect = Extract<Effect, { type: "create" | "get" }>;

/** What a request came to in the store. */
export type Answer =
  | { readonly type: "create"; readonly outcome: CreateOutcome }
  | { readonly type: "get"; readonly outcome: GetOutcome };

/** One request of one process. */
export interface StoreRequest<Process> {
  readonly process: Process;
  readonly effect: StoreEffect;
  readonly position: Position;
  /** What it came to in the store, once it got there. */
  answer: Answer | undefined;
  /** Whether the process has been told an outcome, or lives no more. */
  told: boolean;
}

export class TranscriptStore<Process> {
  /** Whatever was created, damaged and vanished objects too. */
  readonly objects = new Map<Position, Segment>();
  readonly #corrupt = new Set<Position>();
  readonly #vanished = new Set<Position>();
  #requests: StoreRequest<Process>[] = [];

  send(process: Process, effect: StoreEffect): void {
    const position = effect.type === "create" ? effect.segment.position : effect.position;
    this.#requests.push({ process, effect, position, answer: undefined, told: false });
  }

  /** The open requests that satisfy the condition, in the order sent. */
  find(matches: (request: StoreRequest<Process>) => boolean): readonly StoreRequest<Process>[] {
    return this.#requests.filter(matches);
  }

  /** The request reaches the store. */
  land(request: StoreRequest<Process>): Answer {
    assert(request.answer === undefined, "a request reaches the store once");
    request.answer = this.#perform(request);
    this.#forget();
    return request.answer;
  }

  /** The process is told something, or will never be. */
  tell(request: StoreRequest<Process>): void {
    request.told = true;
    this.#forget();
  }

  /** The request never reaches the store. */
  cancel(request: StoreRequest<Process>): void {
    this.#requests = this.#requests.filter((other) => other !== request);
  }

  /** The object's bytes are damaged. */
  corrupt(position: Position): void {
    assert(this.objects.has(position), "only what stands can be damaged");
    this.#corrupt.add(position);
  }

  /** The object vanishes, against the rules. */
  remove(position: Position): void {
    assert(this.objects.has(position), "only what stands can vanish");
    this.#vanished.add(position);
  }

  #perform({ effect, position }: StoreRequest<Process>): Answer {
    const stands = this.objects.get(position);
    if (effect.type === "create") {
      if (stands !== undefined) return { type: "create", outcome: "exists" };
      this.objects.set(position, effect.segment);
      return { type: "create", outcome: "created" };
    }
    if (stands === undefined || this.#vanished.has(position)) {
      return { type: "get", outcome: { type: "absent" } };
    }
    if (this.#corrupt.has(position)) {
      return { type: "get", outcome: { type: "corrupt", reason: "the checksum does not match" } };
    }
    return { type: "get", outcome: { type: "found", segment: stands } };
  }

  #forget(): void {
    this.#requests = this.#requests.filter(({ answer, told }) => answer === undefined || !told);
    // A get that its process no longer waits for does nothing.
    this.#requests = this.#requests.filter(({ effect, told }) => effect.type !== "get" || !told);
  }
}
