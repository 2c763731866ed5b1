/**
 * Several cores, the messages between them and one store, for transcripts to direct.
 *
 * Invariant, checked after every command by a walk that shares no code with the core: what was
 * acknowledged stands in the log, what was reported as certainly not in it does not, and every
 * append meets one fate (PROTOCOL.md section 11).
 */

import { crc32 } from "@node-rs/crc32";
import { assert } from "../../src/core/assert.js";
import { Core } from "../../src/core/core.js";
import { Ledger } from "../../src/core/ledger/ledger.js";
import { ledgerBounds } from "../../src/core/ledger/snapshot.js";
import type { LedgerBounds, LedgerSnapshot } from "../../src/core/ledger/snapshot.js";
import type { CoreSettings } from "../../src/core/options.js";
import type { Effect, Input, Message } from "../../src/core/protocol.js";
import type { NodeId, Position, Segment, SegmentDraft } from "../../src/core/types.js";
import { advance, logStart } from "../../src/core/walk.js";
import { manifest, membersNamed } from "./samples.js";
import { TranscriptStore } from "./transcript-store.js";
import type { StoreEffect, StoreRequest } from "./transcript-store.js";
import type { NamedAppend, Body } from "./transcript-text.js";

/** One process of a node. */
export interface Process {
  readonly name: string;
  readonly nodeId: NodeId;
  readonly incarnation: string;
  readonly core: Core;
  /** All that it was told: a clone is told the same. */
  readonly inputs: { readonly input: Input; readonly ageMs: number }[];
  /** What this process draws, one after another. */
  readonly nonces: string[];
  ticks: number;
  /** Its age clock. */
  ageMs: number;
  alive: boolean;
}

export interface Letter {
  readonly from: Process;
  readonly to: Process;
  readonly message: Message;
}

/** One step of a process, to be told. */
export interface Scene {
  readonly process: Process;
  readonly effects: readonly Effect[];
}

/** A wall clock that ticks with the processes. */
export const msPerTick = 100;

type Fate = "open" | "acknowledged" | "answered" | "returned" | "unknown";

/** Where in the election timeout a node's own is: `a` stands first, then `b`, then `c`. */
const spread = [0, 0.4, 0.8, 0.6, 0.2];

const cluster = "cluster";

export class World {
  readonly store: TranscriptStore<Process>;
  readonly processes: Process[] = [];
  letters: Letter[] = [];
  readonly #members: readonly NodeId[];
  readonly #settings: CoreSettings & Partial<LedgerBounds>;
  readonly #fates = new Map<string, Fate>();
  #nonces = 0;

  constructor(
    members: readonly NodeId[],
    settings: CoreSettings & Partial<LedgerBounds>,
    graceMs: number,
  ) {
    this.#members = members;
    this.#settings = settings;
    this.store = new TranscriptStore(manifest({ clusterId: cluster, graceMs }));
  }

  /** Starts a process of a node. */
  start(name: string, nodeId: NodeId): void {
    this.#begin({ name, nodeId, incarnation: `${name}${this.processes.length}`, nonces: [] });
  }

  /** Starts a process that is what another one is now, as when a machine is copied. */
  clone(original: Process, name: string): void {
    const open = this.store.find(({ process, told }) => process === original && !told);
    assert(open.length === 0, "a process is copied at rest");
    const { nodeId, incarnation, nonces } = original;
    const process = this.#begin({ name, nodeId, incarnation, nonces: [...nonces] });
    for (const told of original.inputs) {
      process.core.step(told.input, told.ageMs);
      process.inputs.push(told);
    }
    process.ticks = original.ticks;
    process.ageMs = original.ageMs;
  }

  process(name: string): Process {
    const process = this.processes.findLast((candidate) => candidate.name === name);
    assert(process !== undefined, `there is a process ${name}`);
    return process;
  }

  /** The process ends. What it sent goes its way. */
  crash(process: Process): void {
    process.alive = false;
    for (const request of this.store.find((candidate) => candidate.process === process)) {
      this.store.tell(request);
    }
  }

  /** One step, its effects taken up by the network and the store. */
  step(process: Process, input: Input, sender?: Process): Scene {
    assert(process.alive, `${process.name} is alive`);
    if (input.type === "tick") {
      process.ticks++;
      process.ageMs += msPerTick;
    }
    process.inputs.push({ input, ageMs: process.ageMs });
    if (input.type === "append") {
      for (const append of input.appends as readonly NamedAppend[]) {
        assert(!this.#fates.has(append.name), "each append has its own name");
        this.#fates.set(append.name, "open");
      }
    }
    const effects = process.core.step(input, process.ageMs);
    for (const effect of effects) this.#perform(process, effect, sender);
    return { process, effects };
  }

  deliver(letter: Letter): Scene {
    this.drop(letter);
    const { nodeId, incarnation } = letter.from;
    const sender = { nodeId, incarnation };
    const to = letter.to.alive ? letter.to : this.#alive(letter.to.nodeId);
    assert(to !== undefined, `a process of ${letter.to.nodeId} is alive`);
    return this.step(to, { type: "message", sender, message: letter.message }, letter.from);
  }

  drop(letter: Letter): void {
    this.letters = this.letters.filter((other) => other !== letter);
  }

  /** Tells a process what its request came to in the store. */
  answer(request: StoreRequest<Process>): Scene {
    const answer = request.answer ?? this.store.land(request);
    return this.#tell(request, answer);
  }

  /** Tells a process that its request came to nothing it can rely on. */
  fail(request: StoreRequest<Process>, outcome: "unknown" | "refused" | "unavailable"): Scene {
    const { type } = request.effect;
    if (outcome === "unavailable") {
      assert(
        type !== "create" && type !== "createLease",
        "a create is refused, or its outcome unknown",
      );
      return this.#tell(request, { type, outcome: { type: "unavailable" } });
    }
    if (outcome === "refused") this.store.cancel(request);
    return this.#tell(request, { type: "create", outcome });
  }

  /** The log as PROTOCOL.md section 3 defines it, with the verdict on each segment. */
  log(): readonly { readonly segment: Segment; readonly valid: boolean }[] {
    const log: { segment: Segment; valid: boolean }[] = [];
    let claim: Segment | undefined;
    let last: Segment | undefined;
    for (let position: Position = 0; ; position++) {
      const segment = this.store.objects.get(position);
      if (segment === undefined) return log;
      const valid: boolean =
        segment.type === "claim"
          ? segment.epoch.term > (claim?.epoch.term ?? 0)
          : segment.epoch.nonce === claim?.epoch.nonce &&
            segment.previous.position === last?.position &&
            segment.previous.checksum === last.checksum;
      if (valid) last = segment;
      if (valid && segment.type === "claim") claim = segment;
      log.push({ segment, valid });
    }
  }

  /**
   * Somebody writes the next manifest: the floor at a position, and a checkpoint there or above it. The
   * walk is the core's own rule, which {@link check} holds against the other.
   */
  writeManifest(floorPosition: Position, checkpointPosition: Position): void {
    const states = [logStart];
    for (const { segment, valid } of this.log()) {
      states.push(advance(states.at(-1) ?? logStart, segment, valid ? "valid" : "void"));
    }
    const [floor, walk] = [states[floorPosition], states[checkpointPosition]];
    assert(floor !== undefined && walk !== undefined, "the log goes so far");
    const before = this.store.manifest;
    const number = before.number + 1;
    const nonce = `manifest-${number}`;
    const ledger = { id: { manifest: number, nonce }, sizeBytes: 0, checksum: 0 };
    const checkpoint = { walk, ledger };
    this.store.write({ ...before, number, nonce, floor, checkpoint }, this.#ledgerAt(walk.tail));
  }

  /** The core's own ledger, too: what it answers is held against the log by the stories. */
  #ledgerAt(tail: Position): LedgerSnapshot {
    const ledger = new Ledger(this.#bounds);
    for (const { segment, valid } of this.log()) {
      if (segment.type === "entries" && valid && segment.position < tail) ledger.apply(segment);
    }
    return ledger.snapshot();
  }

  get #bounds(): LedgerBounds {
    return { ...ledgerBounds, ...this.#settings };
  }

  /** Throws unless every promise made to clients is kept by the log as it stands. */
  check(): void {
    const valid = this.log().filter((entry) => entry.valid);
    const stored = new Set(
      valid.flatMap(({ segment }) => (segment.body as Body).appends.map(({ name }) => name)),
    );
    for (const [name, fate] of this.#fates) {
      assert(fate !== "acknowledged" || stored.has(name), `${name}, acknowledged, is in the log`);
      assert(fate !== "returned" || !stored.has(name), `${name}, given back, is not in the log`);
      assert(fate !== "answered" || !stored.has(name), `${name}, not made, is not in the log`);
    }
    for (const { core, alive } of this.processes) {
      if (!alive) continue;
      const held = valid.findLast(({ segment }) => segment.position < core.walk.tail)?.segment;
      assert(core.walk.last?.checksum === held?.checksum, "every walk agrees with the store");
    }
  }

  /** Lets every create that may still land do so, and checks once more. */
  end(): void {
    for (const request of this.store.find(({ effect }) => effect.type === "create")) {
      if (request.answer === undefined) this.store.land(request);
    }
    this.check();
  }

  #begin(identity: Pick<Process, "name" | "nodeId" | "incarnation" | "nonces">): Process {
    const { nodeId, incarnation, nonces } = identity;
    const share = spread[this.#members.indexOf(nodeId)] ?? 0;
    const number = this.processes.length;
    let drawn = 0;
    const core = new Core({
      nodeId,
      incarnation,
      clusterId: cluster,
      members: membersNamed(...this.#members),
      settings: this.#settings,
      start: { manifest: this.store.manifest, ledger: this.store.ledger, ageMs: 0 },
      random: () => share + 2 ** -20 * number,
      nonce: () => (nonces[drawn++] ??= `nonce-${this.#nonces++}`),
      ledgerBounds: this.#bounds,
      seal,
    });
    const process = { ...identity, core, inputs: [], ticks: 0, ageMs: 0, alive: true };
    this.processes.push(process);
    return process;
  }

  #tell(request: StoreRequest<Process>, answer: Parameters<typeof inputOf>[1]): Scene {
    this.store.tell(request);
    return this.step(request.process, inputOf(request, answer));
  }

  #perform(process: Process, effect: Effect, sender: Process | undefined): void {
    if (isStoreEffect(effect)) this.store.send(process, effect);
    if (effect.type === "send") {
      // An answer goes to the process that asked, should a node have two.
      const isAnswer = effect.to === sender?.nodeId;
      const to = isAnswer ? sender : this.#alive(effect.to);
      if (to !== undefined) this.letters.push({ from: process, to, message: effect.message });
    }
    if (effect.type === "committed") this.#note(effect.appends, "acknowledged");
    if (effect.type === "answered") this.#note([effect.append], "answered");
    if (effect.type === "returned") this.#note(effect.appends, "returned");
    if (effect.type === "unknown") this.#note(effect.appends, "unknown");
  }

  /** A node's process; the first, if it has two. */
  #alive(nodeId: NodeId): Process | undefined {
    return this.processes.find((process) => process.alive && process.nodeId === nodeId);
  }

  #note(appends: Extract<Effect, { type: "unknown" }>["appends"], fate: Fate): void {
    for (const { name } of appends as readonly NamedAppend[]) {
      // A clone may learn the same fate, or less.
      const before = this.#fates.get(name);
      assert(before === "open" || this.#hasClones(), `${name} meets one fate`);
      this.#fates.set(name, fate);
    }
  }

  #hasClones(): boolean {
    return (
      new Set(this.processes.map(({ incarnation }) => incarnation)).size < this.processes.length
    );
  }
}

/** Stands for the codec: the same draft gives the same bytes. */
function seal(draft: SegmentDraft): Segment {
  const appends = draft.type === "entries" ? (draft.appends as readonly NamedAppend[]) : [];
  const body: Body = { appends };
  const checksum = crc32(JSON.stringify(draft));
  const sizeBytes = appends.reduce((sum, append) => sum + append.sizeBytes, 0);
  return { ...draft, clusterId: cluster, checksum, sizeBytes, body };
}

function inputOf(
  request: StoreRequest<Process>,
  answer: NonNullable<StoreRequest<Process>["answer"]>,
): Input {
  const { request: number } = request.effect;
  switch (answer.type) {
    case "create":
      return { type: "createResult", request: number, outcome: answer.outcome };
    case "get":
      return { type: "getResult", request: number, outcome: answer.outcome };
    case "readManifest":
      return { type: "manifestResult", request: number, outcome: answer.outcome };
    case "readLedger":
      return { type: "ledgerResult", request: number, outcome: answer.outcome };
    case "listLeases":
      return { type: "leasesResult", request: number, outcome: answer.outcome };
    case "createLease":
      return { type: "leaseResult", request: number, outcome: answer.outcome };
  }
}

function isStoreEffect(effect: Effect): effect is StoreEffect {
  return "request" in effect;
}
