/**
 * The deliberate bugs of section 8: producers, conditions, tokens, keys, and the verdicts on them.
 *
 * Left out: giving a repeat without a proof. Once its basis is committed it stands in the log for ever,
 * so the answer is true whoever else has committed something. And stepping down where no proof can be
 * had (4.7): every run gives such a leader appends, too, and those tell it.
 */

import { mutant, type Mutant } from "../mutant.js";

const numbers: readonly Mutant[] = [
  mutant("8", "judges conditions before repeats", 200, [
    "judge-append.js",
    'const number = producer === undefined ? "next" : judgeNumber(producer, ledger);',
    `const early = judgeConditions(options, place.index, ledger);
     if (early !== undefined) return { type: "refused", refusal: early };
     const number = producer === undefined ? "next" : judgeNumber(producer, ledger);`,
  ]),
  mutant("8", "accepts a gap", 50, [
    "judge-append.js",
    "if (sequence === lastSequence + 1)",
    "if (sequence > lastSequence)",
  ]),
  mutant("8", "makes a repeat again", 50, [
    "judge-append.js",
    "if (sequence <= lastSequence) {",
    "if (false) {",
  ]),
  mutant("8", "counts no open numbers", 50, [
    "open-ledger.js",
    "return (this.#producers.get(id) ??",
    "return (",
  ]),
  mutant("8", "counts an open number that has died", 500, [
    "open-ledger.js",
    "this.#producers.clear();",
    "",
  ]),
  mutant("8", "counts a refused append's number", 100, [
    "intake.js",
    'if (verdict.type !== "passes") {',
    `const { producer } = append.options ?? {};
     if (verdict.type === "refused" && producer && "nextIndex" in verdict.refusal) {
       this.#open.note({ type: "produced", entryOffset: 0, entryCount: 0, ...producer }, place.index);
     }
     if (verdict.type !== "passes") {`,
  ]),
  mutant("8", "compares no checksums", 100, [
    "judge-append.js",
    "known !== undefined && known !== checksum",
    "false",
  ]),
  mutant("8", "begins an expired producer anew", 100, [
    "judge-append.js",
    "const producer = ledger.producer(producerId);",
    `const isExpired = ledger.producer(producerId) === undefined && producerId < ledger.nextProducerId;
     const producer = isExpired ? { lastSequence: 0, closed: false } : ledger.producer(producerId);`,
  ]),
  mutant("8", "calls an expired producer unknown", 100, [
    "judge-append.js",
    "const isGiven = producerId < ledger.nextProducerId;",
    "const isGiven = false;",
  ]),
  mutant("8", "appends by a closed producer", 200, [
    "judge-append.js",
    "if (closed)",
    "if (false)",
  ]),
  mutant("8", "does not count a closing that is open", 500, [
    "open-ledger.js",
    "producer.closed = true;",
    "",
  ]),
];

const remembering: readonly Mutant[] = [
  mutant("8", "takes over without what the log says", 20, [
    "known-log.js",
    "this.#ahead.delete(segment.position);",
    `this.#ahead.delete(segment.position);
     if (segment.type === "claim" && verdict === "valid") this.#ledger = new Ledger(ledgerBounds);`,
  ]),
  mutant("8", "drops the producer that was opened first", 100, [
    "ledger/producers.js",
    "return this.#table.use(id);",
    "return this.#table.get(id);",
  ]),
  mutant("8", "drops producers by chance", 50, [
    "ledger/producers.js",
    "if (this.#table.size > this.#max)",
    "if (this.#table.size > this.#max || Math.random() < 0.1)",
  ]),
  mutant("8", "forgets a producer that expires before its append is committed", 200, [
    "ledger/ledger.js",
    "if (id >= this.nextProducerId)",
    "if (true)",
  ]),
  mutant("8", "answers a repeat with where the log ends", 50, [
    "verdicts.js",
    "standing: standingOf(",
    "standing: ((standing) => standing && { ...standing, firstIndex: standing.firstIndex + 1 })(",
  ]),
  mutant("8", "loses its way among a producer's answers", 100, [
    "ledger/answers.js",
    "this.#sequenceOf(jump) >= sequence",
    "true",
  ]),
  mutant("8", "says that an open number will never be appended", 100, [
    "ledger/ledger.js",
    'closed ? "neverCommitted" : "undecided"',
    '"neverCommitted"',
  ]),
  mutant("8", "gives an opened producer another's id", 50, [
    "ledger/ledger.js",
    "const first = this.nextProducerId - count;",
    "const first = this.nextProducerId - 1;",
  ]),
];

const conditions: readonly Mutant[] = [
  mutant("8", "does not count a token that is open", 200, [
    "open-ledger.js",
    "return this.#fence ?? this.#log.ledger.fence;",
    "return this.#log.ledger.fence;",
  ]),
  mutant("8", "lets a stale token pass", 50, [
    "judge-append.js",
    "fencingToken !== fence?.token",
    "fence === undefined",
  ]),
  mutant("8", "judges the next index by what is committed", 50, [
    "intake.js",
    "const verdict = judgeAppend(append, place, this.#open);",
    `const index = this.#log.walk.nextIndex;
     const verdict = judgeAppend(append, { ...place, index }, this.#open);`,
  ]),
  mutant("8", "does not count keys that are open", 100, [
    "open-ledger.js",
    "const index = this.#keys.get(key);",
    "const index = undefined;",
  ]),
  mutant("8", "guesses about a key that is forgotten", 100, [
    "ledger/recent-keys.js",
    "return sinceIndex >= reachIndex ?",
    "return true ?",
  ]),
  mutant("8", "forgets keys and does not say how far", 100, [
    "ledger/recent-keys.js",
    "this.#reachIndex = index + 1;",
    "",
  ]),
  mutant("8", "trims beyond the tail", 500, ["judge-append.js", "firstIndex > nextIndex", "false"]),
];

const verdicts: readonly Mutant[] = [
  mutant("8", "gives a verdict before its basis is committed", 500, [
    "verdicts.js",
    "basis?.committed !== false",
    "true",
  ]),
  mutant("8", "gives a verdict without a proof", 500, ["verdicts.js", "since <= proof", "true"]),
  mutant("8", "gives a verdict by an earlier proof", 1_000, [
    "verdicts.js",
    "const since = this.#context.nextRequest;",
    "const since = this.#context.nextRequest - 1;",
  ]),
  mutant("8", "begins appends behind a refusal", 50, [
    "intake.js",
    "if (this.#verdicts.halts(append)) {",
    "if (false) {",
  ]),
  mutant("8", "begins what was queued behind a refusal", 1_000, [
    "intake.js",
    ".concat(this.#queue.withdraw(refused))",
    "",
  ]),
  mutant("8", "forgets what was judged behind a batch that died", 200, [
    "verdicts.js",
    "const first = this.#held.findIndex(({ basis }) => basis?.dead === true);",
    "const first = -1;",
  ]),
  mutant("8", "puts what was judged behind all that died", 200, [
    "verdicts.js",
    "appends.push(...batch.appends.slice(taken, one.place), one.append);",
    "appends.unshift(one.append);\n appends.push(...batch.appends.slice(taken, one.place));",
  ]),
];

export const ledgerMutants: readonly Mutant[] = [
  ...numbers,
  ...remembering,
  ...conditions,
  ...verdicts,
];
