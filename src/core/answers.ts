/**
 * Takes in what the store answers: it counts at once, after a manifest read, or never
 * (PROTOCOL.md section 9).
 *
 * Invariant: nothing that the store says about a position gets past {@link Answers.hear} otherwise.
 * Invariant: an answer about a position below the tail is dropped: what stands there is known already,
 * and its name may have been freed since.
 */

import { Acceptance } from "./acceptance.js";
import { lostPast, misplaced, vanished } from "./faults.js";
import { Restart } from "./restart.js";
import type { StoreAnswer } from "./acceptance.js";
import type { CatchUp } from "./catch-up.js";
import type { Context } from "./context.js";
import type { KnownLog } from "./known-log.js";
import type { LedgerSnapshot } from "./ledger/snapshot.js";
import type { LedgerOutcome, ManifestOutcome, ManifestView } from "./manifest.js";
import type { Fault, GetOutcome, RequestId } from "./protocol.js";
import type { Tenure } from "./tenure.js";
import type { Position, Segment } from "./types.js";
import type { WalkState } from "./walk.js";

/** Whom answers that count are told to. */
export interface AnswerListener {
  /** The epoch of this node that sent the request. */
  owner(request: RequestId): Tenure | undefined;
  /** It is known what stands at a position at or above the tail. */
  learn(segment: Segment): void;
  /** What stands there cannot be read: DATA_LOSS, once the walk comes to it. */
  learnDamage(position: Position, reason: string): void;
  /** Everything that is open is given up: this node holds no log. */
  leftBehind(): void;
  /** It holds one again, from a state of the walk on. */
  restarted(walk: WalkState, manifest: ManifestView, ledger: LedgerSnapshot): void;
  fail(fault: Fault): void;
}

export class Answers {
  readonly #catchUp: CatchUp;
  readonly #log: KnownLog;
  readonly #listener: AnswerListener;
  readonly #acceptance: Acceptance;
  readonly #restart: Restart;

  constructor(context: Context, log: KnownLog, catchUp: CatchUp, listener: AnswerListener) {
    this.#catchUp = catchUp;
    this.#log = log;
    this.#listener = listener;
    this.#acceptance = new Acceptance(context);
    this.#restart = new Restart(context);
  }

  /** Whether no position is to be looked at: the answer would be held, or there is no log. */
  get isBlocked(): boolean {
    return this.#acceptance.isHolding || this.#restart.isUnderWay;
  }

  /** A create of this node's own, first sent at this age, is below the tail. */
  anchor(ageMs: number): void {
    this.#acceptance.anchor(ageMs);
  }

  /** Sends what is to be asked now. */
  pump(): void {
    this.#acceptance.pump();
    this.#restart.pump();
  }

  /** Nothing is taken in any more. */
  drop(): void {
    this.#acceptance.drop();
  }

  hear(answer: StoreAnswer): void {
    const { request } = answer;
    const isLook = this.#catchUp.awaits(request);
    if (!isLook && this.#listener.owner(request) === undefined) return;
    if (saysNothing(answer)) return this.#count(answer);
    // Exists, then absent: it was deleted, and the manifest says whether it may have been.
    const gone = !isLook && answer.type === "getResult" && answer.outcome.type === "absent";
    if (gone) this.#acceptance.hold(answer, { readFirst: true });
    else if (this.#acceptance.accepts) this.#count(answer);
    else this.#acceptance.hold(answer);
  }

  /** A manifest read ended: what it accepts counts, or this node was left behind. */
  manifestRead(request: RequestId, outcome: ManifestOutcome): void {
    const shown = this.#acceptance.answered(request, outcome);
    if (shown.type === "nothing") return;
    if (shown.type === "corrupt") return this.#listener.fail(lostPast(shown.reason));
    const { manifest, read } = shown;
    if (manifest.floor.tail > this.#log.tail) return this.#leaveBehind(manifest, read.ageMs);
    this.#acceptance.anchor(read.ageMs);
    let answer = this.#acceptance.next(read);
    for (; answer !== undefined; answer = this.#acceptance.next(read)) this.#count(answer);
  }

  /** The ledger of the checkpoint that this node restarts from was read, or was not. */
  ledgerRead(request: RequestId, outcome: LedgerOutcome): void {
    const restarted = this.#restart.answered(request, outcome);
    switch (restarted.type) {
      case "nothing":
        return;
      case "readManifest":
        return this.#acceptance.want();
      case "corrupt":
        return this.#listener.fail(lostPast(restarted.reason));
      case "ready": {
        const { manifest, ledger, walk, ageMs } = restarted;
        this.#acceptance.anchor(ageMs);
        return this.#listener.restarted(walk, manifest, ledger);
      }
    }
  }

  #leaveBehind(manifest: ManifestView, ageMs: number): void {
    this.#acceptance.drop();
    this.#listener.leftBehind();
    const reason = this.#restart.begin({ manifest, ageMs });
    if (reason !== undefined) this.#listener.fail(lostPast(reason));
  }

  #count(answer: StoreAnswer): void {
    const { request } = answer;
    if (answer.type === "getResult") return this.#got(request, answer.outcome);
    const stands = this.#listener.owner(request)?.created(request, answer.outcome);
    if (stands !== undefined) this.#listener.learn(stands);
  }

  #got(request: RequestId, outcome: GetOutcome): void {
    const look = this.#catchUp.take(request);
    const owner = look === undefined ? this.#listener.owner(request) : undefined;
    if (outcome.type === "unavailable") {
      owner?.readBackFailed(request);
      if (look !== undefined) this.#catchUp.unavailable();
      return;
    }
    if (look !== undefined && outcome.type === "found") this.#catchUp.found();
    if (look !== undefined && outcome.type === "absent") {
      if (this.#catchUp.absent(look)) this.#acceptance.anchor(look.ageMs);
      return;
    }
    const position = look?.position ?? owner?.readBackDone(request);
    if (position === undefined || this.#log.knows(position)) return;
    switch (outcome.type) {
      case "found":
        if (outcome.segment.position === position) return this.#listener.learn(outcome.segment);
        return this.#listener.fail(misplaced(position));
      case "absent":
        return this.#listener.fail(vanished(position));
      case "corrupt":
        return this.#listener.learnDamage(position, outcome.reason);
    }
  }
}

/** Whether an answer is none about what stands at a position. `exists` is read back: that answer is. */
function saysNothing(answer: StoreAnswer): boolean {
  if (answer.type === "createResult") return answer.outcome !== "created";
  return answer.outcome.type === "unavailable";
}
