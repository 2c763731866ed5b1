/**
 * Judges what one process says of producers, conditions and tokens: the answers to appends that it does
 * not make, the outcomes that it tells, and what it remembers.
 *
 * An answer is right if at some moment between the append's beginning and the answer the true log was in
 * a state of which it is true: so it has a place in the one order of all calls.
 */

import type { LedgerSnapshot } from "../../../src/core/ledger/snapshot.js";
import type { Answer, ProducerOutcome } from "../../../src/core/protocol.js";
import type { SimAppend } from "../content.js";
import type { RunChecks } from "../run-checks.js";
import { ledgerText } from "./true-ledger.js";
import { Violation } from "../violation.js";

/** A question about a producer's number. */
export interface OutcomeQuestion {
  readonly producerId: number;
  readonly sequence: number;
}

/** What of a core the judge asks. */
export interface LedgerHolder {
  readonly ledger: { snapshot(): LedgerSnapshot };
}

export class LedgerChecks {
  readonly #run: RunChecks;
  readonly #name: string;
  readonly #questions = new Map<number, OutcomeQuestion>();
  #compared = 0;

  constructor(run: RunChecks, name: string) {
    this.#run = run;
    this.#name = name;
  }

  /** An append is not made. */
  answered(append: SimAppend, answer: Answer): void {
    const { ledger } = this.#run.log;
    const { id, options = {}, beganState, stream } = append;
    if (answer.type === "repeat") {
      const { producer } = options;
      this.#must(
        producer !== undefined && ledger.isRepeat(producer, answer.standing, ledger.state),
        "false-repeat",
        () => `append ${id} is called a repeat: ${JSON.stringify(answer.standing)}`,
      );
      return;
    }
    let isRight = false;
    for (let state = beganState; state <= ledger.state && !isRight; state++) {
      isRight = ledger.isRight(answer.refusal, options, state);
    }
    this.#must(
      isRight,
      "false-refusal",
      () => `append ${id} is refused, and at no time was it so: ${JSON.stringify(answer.refusal)}`,
    );
    if (stream === undefined) return;
    stream.refusedId = Math.min(stream.refusedId, id);
    this.#must(
      stream.loggedId < id,
      "begun-behind-refusal",
      () => `append ${id} is refused, and ${stream.loggedId} behind it was made`,
    );
  }

  /** Appends of the process are committed, and opened producers. */
  opened(appends: readonly SimAppend[], openedIds: readonly number[]): void {
    const openers = appends.filter(({ options }) => options?.control?.type === "open");
    const ids = openers.map(({ id }) => this.#run.log.ledger.openedBy(id));
    this.#must(
      ids.length === openedIds.length && ids.every((id, at) => id === openedIds[at]),
      "opened-ids",
      () => `says that it opened ${openedIds.join(" ")}; the log says ${ids.join(" ")}`,
    );
  }

  /** A read that is about to begin is for the sake of a question. */
  asks(op: number, question: OutcomeQuestion): void {
    this.#questions.set(op, question);
  }

  /** What a read is for. */
  question(op: number): OutcomeQuestion | undefined {
    return this.#questions.get(op);
  }

  /** The process, which holds the log up to a state, answers the question. */
  told(op: number, outcome: ProducerOutcome, state: number): void {
    const question = this.#questions.get(op);
    if (question === undefined) return;
    const { now, history, log, tally } = this.#run;
    const { producerId, sequence } = question;
    const truth = log.ledger.outcomeAt(producerId, sequence, state);
    this.#must(
      JSON.stringify(truth) === JSON.stringify(outcome),
      "false-outcome",
      () =>
        `number ${sequence} of producer ${producerId} is ${JSON.stringify(outcome)}, ` +
        `and was ${JSON.stringify(truth)}`,
    );
    tally.outcomes += 1;
    history.push({ type: "outcome", t: now, op, outcome });
  }

  /** The process holds so many valid segments: what it remembers is what the log says. */
  compare(core: LedgerHolder, validCount: number): void {
    if (validCount === this.#compared) return;
    this.#compared = validCount;
    const truth = this.#run.log.valid[validCount - 1]?.ledgerText;
    if (truth !== undefined) this.#compareText(core, truth);
  }

  /** The process holds the whole log. */
  compareWhole(core: LedgerHolder): void {
    this.#compareText(core, this.#run.log.ledger.text());
  }

  #compareText(core: LedgerHolder, truth: string): void {
    const text = snapshotText(core.ledger.snapshot());
    this.#must(
      text === truth,
      "ledger-disagrees",
      () => `remembers ${text}; the true log says ${truth}`,
    );
  }

  #must(condition: boolean, rule: string, message: () => string): asserts condition {
    if (!condition) throw new Violation(rule, `${this.#name}: ${message()}`);
  }
}

function snapshotText(snapshot: LedgerSnapshot): string {
  const { firstIndex, nextProducerId, fence, producers, answers, keys } = snapshot;
  const { ids, lastSequences, closed } = producers;
  const { reachIndex, lastIndexes } = keys;
  const columns = [
    answers.producerIds,
    answers.sequences,
    answers.checksums,
    answers.firstIndexes,
    answers.entryCounts,
    answers.terms,
    answers.timestampsMs,
  ];
  const rows = [
    Array.from(ids, (id, row) => `${id}:${lastSequences[row]}:${closed[row]}`),
    Array.from(answers.sequences, (_, row) => columns.map((column) => column[row]).join(":")),
    keys.keys.map((key, row) => `${key}:${lastIndexes[row]}`),
  ];
  return ledgerText({ firstIndex, nextProducerId, fence, reachIndex, rows });
}
