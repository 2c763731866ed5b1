/**
 * The deliberate bugs in what PROTOCOL.md says of the log's past: for every rule marked ▲ in sections 9 and 10 at
 * least one, and some more.
 *
 * Left out, since it takes more coincidence than seeds have, and caught by a test of its own: a trim's floor beyond
 * the writer's own w (`plan.test`). And since acceptance alone does it: no manifest read after "exists, then
 * absent" (`deleted-under-create`).
 */

import { mutant, type Mutant } from "../mutant.js";

type Edits =
  Parameters<typeof mutant> extends [string, string, number, ...infer Rest] ? Rest : never;

function lifeMutant(section: string, name: string, seedsMax: number, ...edits: Edits): Mutant {
  return { ...mutant(section, name, seedsMax, ...edits), profile: "life" };
}

/** Lets answers of some kind count however old the anchor is. */
function accepting(condition: string): Edits[number] {
  return ["answers.js", "else if (this.#acceptance.accepts)", `else if (${condition})`];
}

const accepts: readonly Mutant[] = [
  lifeMutant("9", "trusts an old anchor", 100, [
    "acceptance.js",
    "this.#context.ageMs - this.#anchorMs < this.#manifest.graceMs / 2",
    "true",
  ]),
  lifeMutant("9", "trusts an anchor for a whole grace", 500, [
    "acceptance.js",
    "this.#manifest.graceMs / 2",
    "this.#manifest.graceMs",
  ]),
  lifeMutant("9", "lets content count by itself", 500, [
    ...accepting('this.#acceptance.accepts || answer.outcome.type === "found"'),
  ]),
  lifeMutant("9", "lets absence count by itself", 300, [
    ...accepting('this.#acceptance.accepts || answer.outcome.type === "absent"'),
  ]),
  lifeMutant("9", "lets created count by itself", 300, [
    ...accepting('this.#acceptance.accepts || answer.type === "createResult"'),
  ]),
  lifeMutant("9", "takes the answer's moment for the anchor", 200, [
    "acceptance.js",
    "this.#anchorMs = Math.max(this.#anchorMs, ageMs);",
    "this.#anchorMs = this.#context.ageMs;",
  ]),
  lifeMutant(
    "9",
    "takes a look for an anchor whose answer is not accepted",
    500,
    [
      "answers.js",
      "if (saysNothing(answer))",
      `if (answer.type === "getResult" && answer.outcome.type === "absent" && isLook) {
       this.#acceptance.anchor(this.#catchUp.peek(request).ageMs);
     }
     if (saysNothing(answer))`,
    ],
    [
      "catch-up.js",
      "    awaits(request) {",
      "    peek(request) { return this.#looks.get(request); }\n    awaits(request) {",
    ],
  ),
  lifeMutant("9", "takes a commit's moment for the anchor", 1_000, [
    "core.js",
    "this.#answers.anchor(sent.firstAgeMs);",
    "this.#answers.anchor(this.#context.ageMs);",
  ]),
  lifeMutant("9", "takes the moment it begins again for the anchor", 1_000, [
    "restart.js",
    "walk: from.checkpoint.walk, ...from }",
    "walk: from.checkpoint.walk, ...from, ageMs: this.#context.ageMs }",
  ]),
  lifeMutant("9", "accepts by a manifest read that began before the answer came", 1_000, [
    "acceptance.js",
    "request >= before || (",
    "true || (",
  ]),
  lifeMutant("9", "takes absence below the tail for the tail's", 1_000, [
    "catch-up.js",
    "const isTail = position === this.#log.tail",
    "const isTail = position <= this.#log.tail",
  ]),
  lifeMutant("9", "leads on when it is left behind", 100, [
    "core.js",
    'this.#giveUp("leftBehind");',
    "",
  ]),
  lifeMutant("9", "is never left behind", 100, [
    "answers.js",
    "if (manifest.floor.tail > this.#log.tail)",
    "if (false)",
  ]),
  lifeMutant("9", "calls open entries certainly not in the log when left behind", 300, [
    "tenure.js",
    'this.stepDown(why === "leftBehind" ? why : "notLeader");',
    `{ this.stepDown(why === "leftBehind" ? why : "notLeader");
       if (why === "leftBehind") this.#killFrom(this.#chain[0]); }`,
  ]),
];

const history: readonly Mutant[] = [
  lifeMutant("9", "lets answers about the past count by themselves", 200, [
    "history-floor.js",
    "isYoung || this.#readBeganMs > cameMs",
    "true",
  ]),
  lifeMutant("9", "reads the past by the age of w's anchor", 500, [
    "history-floor.js",
    "if (position < this.#position)",
    "if (false)",
  ]),
];

const deleting: readonly Mutant[] = [
  lifeMutant("9", "deletes without waiting", 50, [
    "upkeep/known-since.js",
    "findLastIndex(({ sinceMs }) => nowMs - sinceMs >= graceMs)",
    "length - 1",
  ]),
  lifeMutant(
    "9",
    "waits from the floor's writing, not from knowing of it",
    200,
    [
      "upkeep/writer.js",
      'this.#context.emit({ type: "createManifest", request, manifest });',
      'this.#context.emit({ type: "createManifest", request, manifest });\n this.#context.wrote(manifest);',
    ],
    [
      "upkeep/upkeep.js",
      "this.#sweeper = new Sweeper(this.#context);",
      `this.#sweeper = new Sweeper(this.#context);
     this.#context.wrote = (manifest) => this.#sweeper.knows(manifest);`,
    ],
  ),
  lifeMutant("9", "waits by the clock by which answers age", 50, [
    "upkeep/context.js",
    "return this.#clock.leastMs;",
    "return this.#clock.ageMs;",
  ]),
  lifeMutant("9", "sweeps only what the floor has newly passed", 200, [
    "upkeep/sweeper.js",
    '{ type: "segment", startAt: 0, end: floor }',
    '{ type: "segment", startAt: this.swept ?? 0, end: this.swept = floor }',
  ]),
  lifeMutant(
    "10",
    "deletes manifest 0",
    50,
    ["upkeep/sweeper.js", "name.number > 0 && ", ""],
    ["upkeep/sweeper.js", '{ type: "manifest", startAt: 1 }', '{ type: "manifest", startAt: 0 }'],
  ),
  lifeMutant("10", "deletes the greatest manifest", 50, [
    "upkeep/sweeper.js",
    "name.number < sweep.greatest",
    "name.number <= sweep.greatest",
  ]),
  lifeMutant("10", "deletes at once what no manifest names", 50, [
    "upkeep/sweeper.js",
    "if (nowMs - sinceMs >= manifest.graceMs)",
    "if (true)",
  ]),
  lifeMutant("10", "deletes what a later manifest may name", 300, [
    "upkeep/sweeper.js",
    "name.id.manifest > manifest.number",
    "false",
  ]),
];

const writing: readonly Mutant[] = [
  lifeMutant("10", "takes the first page of a listing for the whole", 50, [
    "manifest-read.js",
    'more ? { type: "list", startAt: number + 1 } : ',
    "",
  ]),
  lifeMutant("10", "takes whatever has the name that was listed", 1_000, [
    "manifest-read.js",
    "version === last.version",
    "version !== undefined",
  ]),
  lifeMutant("10", "takes a manifest that is gone for the one before it", 500, [
    "manifest-read.js",
    "this.#tries++;",
    'if (last.number > 0) return { type: "get", number: last.number - 1 };',
  ]),
  lifeMutant("10", "trusts that what it created counts", 50, [
    "upkeep/writer.js",
    'if (outcome === "created" || outcome === "exists")',
    `if (outcome === "created") {
       this.#manifest = stage.manifest;
       return this.#goOn(stage.manifest, undefined);
     }
     if (outcome === "exists")`,
  ]),
  lifeMutant("10", "names a checkpoint before it was created", 50, [
    "upkeep/writer.js",
    'this.#stage = { type: "making", request, change, walk };',
    `this.#context.emit({
       type: "createLedger",
       request,
       id,
       ledger: options.log.ledger.snapshot(),
     });
     if (1) return this.#read({
       type: "checkpoint",
       change,
       walk,
       ledger: { id, sizeBytes: 0, checksum: 0 },
     });`,
  ]),
  lifeMutant("10", "names an object by whatever manifest comes next", 100, [
    "upkeep/writer.js",
    "if (ledger.id.manifest !== manifest.number + 1)",
    "if (false)",
  ]),
  lifeMutant("10", "raises the floor over what no archive holds", 100, [
    "upkeep/writer.js",
    "const archives = [...manifest.archives, archive];",
    "const archives = manifest.archives;",
  ]),
  lifeMutant("10", "names an archive that begins elsewhere than the floor", 1_000, [
    "upkeep/writer.js",
    "if (!isNext || manifest.floor.tail !== archive.startPosition)",
    "if (false)",
  ]),
  lifeMutant("10", "archives beyond its own w", 300, [
    "upkeep/plan.js",
    "Math.min(last.walk.tail, log.walk.tail - keptSegments)",
    "last.walk.tail",
  ]),
  lifeMutant("10", "writes a checkpoint of a later state than its ledger's", 100, [
    "upkeep/writer.js",
    'this.#read({ type: "checkpoint", change, walk, ledger: outcome.ledger });',
    `this.#read({
       type: "checkpoint",
       change,
       walk: this.#context.options.log.walk,
       ledger: outcome.ledger,
     });`,
  ]),
];

const trimming: readonly Mutant[] = [
  lifeMutant("10", "raises the floor over what nobody has trimmed", 50, [
    "upkeep/plan.js",
    "Math.max(manifest.firstIndex, log.ledger.firstIndex)",
    "log.walk.nextIndex",
  ]),
  lifeMutant("10", "drops an archive of which a part is still needed", 200, [
    "upkeep/writer.js",
    "archives.filter(({ nextIndex }) => nextIndex > firstIndex)",
    "archives.filter((archive) => archive.firstIndex >= firstIndex)",
  ]),
];

const snapshots: readonly Mutant[] = [
  lifeMutant("10", "names a snapshot by a manifest beyond its objects' number", 200, [
    "upkeep/namings.js",
    "id.manifest <= number",
    "false",
  ]),
  lifeMutant("10", "lists the newest snapshot first", 200, [
    "upkeep/namings.js",
    ".slice(-snapshotsKept)",
    ".slice(-snapshotsKept).toReversed()",
  ]),
  lifeMutant("10", "names a snapshot that covers less than the newest", 200, [
    "upkeep/namings.js",
    "newest.nextIndex >= snapshot.nextIndex",
    "false",
  ]),
  lifeMutant("10", "takes a snapshot for named once a manifest that names it was created", 500, [
    "upkeep/namings.js",
    "first.sent && snapshots.some((one) => isSame(one, snapshot))",
    "first.sent",
  ]),
  lifeMutant("10", "does not look for snapshots in the manifest before it deletes them", 500, [
    "upkeep/sweeper.js",
    'names.add(keyOf("snapshot", id))',
    "names.size",
  ]),
];

export const lifeMutants: readonly Mutant[] = [
  ...accepts,
  ...history,
  ...deleting,
  ...writing,
  ...trimming,
  ...snapshots,
];
