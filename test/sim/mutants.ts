/**
 * The deliberate bugs: for every rule marked ▲ in PROTOCOL.md sections 2 to 6 at least one, and some
 * more; those of section 8 are in ledger/ledger-mutants.ts, those of 9 and 10 in life/life-mutants.ts,
 * those of members and leases in members/members-mutants.ts, those of readers of the store in
 * reader-mutants.ts.
 *
 * Left out, since the log does not change without them: comparing only the term of an entry's epoch
 * in the walk, or not at all (`previous` names the predecessor by its checksum, which settles the
 * epoch too); stepping down before a claim of an equal term (a leader sends in order, so whatever
 * stands among its batches has taken the place of one of them, and those above it are dead).
 */

import { lifeMutants } from "./life/life-mutants.js";
import { ledgerMutants } from "./ledger/ledger-mutants.js";
import { membersMutants } from "./members/members-mutants.js";
import { mutant, type Mutant } from "./mutant.js";
import { readerMutants } from "./reader-mutants.js";

const store: readonly Mutant[] = [
  mutant("2", "takes 'exists' for its own success", 50, [
    "tenure.js",
    'if (outcome === "created")',
    'if (outcome === "created" || outcome === "exists")',
  ]),
  mutant(
    "2",
    "compares only the epoch on read-back",
    500,
    [
      "tenure.js",
      "const mine = sent !== undefined && sameSegment(sent.segment, segment);",
      "const mine = sent !== undefined && sameEpoch(sent.segment.epoch, segment.epoch);",
    ],
    [
      "tenure.js",
      "if (!valid || !sameSegment(sent.segment, segment)) {",
      "if (!valid || !sameEpoch(sent.segment.epoch, segment.epoch)) {",
    ],
  ),
  mutant("2", "takes an unknown outcome for a refusal", 200, [
    "sent.js",
    'if (outcome !== "refused")',
    'if (outcome === "exists")',
  ]),
  mutant(
    "2",
    "takes absence after an unknown outcome for failure",
    200,
    ["sent.js", 'if (outcome === "exists")', 'if (outcome !== "refused")'],
    [
      "answers.js",
      "return this.#listener.fail(vanished(position));",
      "return owner.endedAt(position);",
    ],
  ),
  mutant("2", "repeats a batch with a new timestamp", 200, [
    "sent.js",
    'this.#context.emit({ type: "create", request, segment: this.segment });',
    `if (this.#mayLand && this.segment.type === "entries") {
       const { segment, appends } = this;
       const timestampMs = segment.timestampMs + 1;
       this.segment = this.#context.options.seal({ ...segment, timestampMs, appends });
     }
     this.#context.emit({ type: "create", request, segment: this.segment });`,
  ]),
  mutant(
    "2",
    "uses a dead batch's position again",
    200,
    [
      "tenure.js",
      "let position = Math.max(this.#sentMax + 1, this.#log.tail);",
      `let position = this.#log.tail;
       while (this.#sent.get(position)?.dead === false) position++;`,
    ],
    ["tenure.js", "assert(!this.#sent.has(position) && !", "assert(!"],
  ),
  mutant("2", "goes on beside a clone", 500, [
    "tenure.js",
    "if (!mine && sameEpoch(segment.epoch, this.epoch))",
    "if (false)",
  ]),
  mutant("2", "ignores a damaged object", 500, [
    "answers.js",
    "return this.#listener.learnDamage(position, outcome.reason);",
    "return;",
  ]),
];

const walk: readonly Mutant[] = [
  mutant("3", "accepts a claim of an equal term", 50, [
    "walk.js",
    "segment.epoch.term > state.term",
    "segment.epoch.term >= state.term",
  ]),
  mutant("3", "accepts every claim", 50, ["walk.js", "segment.epoch.term > state.term", "true"]),
  mutant(
    "3",
    "drops the rule of previous",
    100,
    ["walk.js", "segment.previous.position !== last.position ||", "false ||"],
    ["walk.js", "segment.previous.checksum !== last.checksum", "false"],
  ),
  mutant("3", "compares only the position of previous", 500, [
    "walk.js",
    "segment.previous.checksum !== last.checksum",
    "false",
  ]),
  mutant("3", "lets a void be a predecessor", 50, [
    "walk.js",
    "return { ...state, tail };",
    "return { ...state, tail, last: { position: segment.position, checksum: segment.checksum } };",
  ]),
  mutant("3", "lets a void claim change the term", 50, [
    "walk.js",
    "return { ...state, tail };",
    "return { ...state, tail, term: segment.epoch.term };",
  ]),
];

const leading: readonly Mutant[] = [
  mutant(
    "4.2",
    "leads before the gap is filled",
    1_000,
    ["tenure.js", "&& this.#log.tail > this.#furthestClaim;", ";"],
    ["tenure.js", "if (!stands)", "if (true)"],
  ),
  mutant("4.2", "never fills the gap", 1_000, ["tenure.js", "if (!stands)", "if (true)"]),
  mutant("4.2", "leads once a claim of its own is created", 100, [
    "tenure.js",
    "return sameEpoch(this.#log.walk.epoch, this.epoch) && ",
    `if ([...this.#sent.values()].some((sent) => sent.known && !sent.dead)) return true;
     return sameEpoch(this.#log.walk.epoch, this.epoch) && `,
  ]),
  mutant("4.3", "counts the window in requests", 100, [
    "tenure.js",
    "if (position >= this.#log.tail + settings.window)",
    `const open = [...this.#sent.values()].filter((sent) => !sent.known);
     if (open.length >= settings.window)`,
  ]),
  mutant("4.3", "reaches one position past the window", 50, [
    "tenure.js",
    "if (position >= this.#log.tail + settings.window)",
    "if (position > this.#log.tail + settings.window)",
  ]),
  mutant("4.4", "acknowledges out of order", 100, [
    "tenure.js",
    "return sent.segment;",
    `{
       const { segment, appends } = sent;
       if (appends.length > 0 && segment.position > this.#log.tail) {
         this.#context.emit({ type: "committed", segment, appends });
         sent.appends = [];
       }
       return segment;
     }`,
  ]),
  mutant("4.4", "acknowledges a create before the positions below are known", 100, [
    "core.js",
    "for (let passed = this.#log.next(); passed",
    `for (const tenure of this.#tenures()) {
       if (segment.position === this.#log.tail + 1) {
         const early = tenure.passed(segment, true);
         if (early) this.#context.emit({ type: "committed", segment, appends: early.appends });
       }
     }
     for (let passed = this.#log.next(); passed`,
  ]),
  mutant("4.5", "holds only one batch for dead where a void stands", 100, [
    "tenure.js",
    "this.#chain.splice(start);",
    "this.#chain.splice(start, 1);",
  ]),
  mutant("4.5", "sends the entries of dead batches again behind newer ones", 100, [
    "append-queue.js",
    "this.#appends = appends.concat(this.#appends.slice(this.#head));",
    "this.#appends = this.#appends.slice(this.#head).concat(appends);",
  ]),
  mutant("4.6", "fails all open entries on stepping down", 100, [
    "tenure.js",
    "this.#killFrom(this.#chain.find((sent) => sent.certainlyNotStored));",
    "this.#killFrom(this.#chain[0]);",
  ]),
  mutant("4.6", "fails entries below a greater claim", 100, [
    "tenure.js",
    "sent.segment.position >= position",
    "true",
  ]),
  mutant("4.6", "calls what it gives up not in the log", 100, [
    "tenure.js",
    '{ type: "unknown", appends }',
    '{ type: "returned", appends, reason: "deposed" }',
  ]),
  mutant("4.7", "leads on although it cannot reach the store", 200, [
    "tenure.js",
    "return this.#storeTimedOut() ? ",
    "return false ? ",
  ]),
  {
    ...mutant("4.7", "never doubles the store timeout", 50, [
      "core.js",
      "2 ** this.#timeoutDoublings",
      "1",
    ]),
    profile: "slowStore",
  },
];

const reading: readonly Mutant[] = [
  mutant("5", "proves a read by a create sent before it began", 100, [
    "core.js",
    "this.#catchUp.prove(sent.firstRequest);",
    "this.#catchUp.prove(this.#context.nextRequest);",
  ]),
  mutant("5", "proves a read by a repeated create", 500, [
    "sent.js",
    'this.#stage = { type: "creating" };\n',
    'this.#stage = { type: "creating" };\n this.firstRequest = this.#context.nextRequest;\n',
  ]),
  mutant("5", "proves a read by a create that is not committed", 200, [
    "tenure.js",
    "return sent.segment;",
    "{ this.#catchUp.prove(sent.firstRequest); return sent.segment; }",
  ]),
  mutant("5", "proves a read by a look sent before it began", 100, [
    "catch-up.js",
    "this.prove(request);",
    "this.prove(this.#context.nextRequest);",
  ]),
  mutant("5", "proves a read by absence beyond a gap", 200, [
    "catch-up.js",
    "if (isTail)",
    "if (true)",
  ]),
  mutant("5", "reads from memory", 50, [
    "reads.js",
    "this.#waiting.findIndex((reader) => reader.since > proof)",
    "-1",
  ]),
  mutant("5", "answers a follower from the leader's memory", 100, [
    "core.js",
    'this.#reads.begin({ type: "follower", nodeId: from, barrier });',
    `this.#context.emit({
       type: "send",
       to: from,
       message: { type: "barrierResponse", barrier, tailPosition: this.#log.tail },
     });`,
  ]),
  mutant("5", "reads at a follower before it holds the proven tail", 50, [
    "reads.js",
    "if (tail > this.#log.tail)",
    "if (false)",
  ]),
  {
    ...mutant("5", "takes the answer to an earlier process's question", 1_000, [
      "reads.js",
      "Math.floor(context.options.random() * 2 ** 52)",
      "0",
    ]),
    profile: "restless",
  },
];

const electing: readonly Mutant[] = [
  mutant("6", "says that it leads before its claim is committed", 20, [
    "heartbeats.js",
    "const due = now >= this.#dueTick;",
    "leading = true; const due = now >= this.#dueTick;",
  ]),
  mutant(
    "6",
    "stands in a term that the log has passed",
    100,
    ["election.js", "return Math.max(this.#term, this.#log.walk.term);", "return this.#term;"],
    ["core.js", "term <= this.#log.walk.term", "false"],
  ),
  mutant("6", "looks at the store on every heartbeat", 20, [
    "core.js",
    "this.#catchUp.demand(request.tailPosition);",
    "this.#catchUp.demand(request.tailPosition + 1);",
  ]),
];

export const mutants: readonly Mutant[] = [
  ...store,
  ...walk,
  ...leading,
  ...reading,
  ...electing,
  ...lifeMutants,
  ...ledgerMutants,
  ...membersMutants,
  ...readerMutants,
];
