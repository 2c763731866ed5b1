/**
 * One process of a node: the production core and a host for it, which performs effects and reports
 * inputs as the real driver does.
 *
 * Invariant: every create and get is answered exactly once, at its deadline at the latest.
 * Invariant: a dead process does nothing; a paused one neither, until it goes on.
 */

import type { Member, MemberList } from "../../src/core/members.js";
import type {
  CreateOutcome,
  Effect,
  GetOutcome,
  Input,
  Message,
  Role,
  View,
} from "../../src/core/protocol.js";
import type { ManifestView } from "../../src/core/manifest.js";
import type { NodeId } from "../../src/core/types.js";
import type { AnyCore } from "./any-core.js";
import { clusterId, seal, type SimAppend } from "./content.js";
import { describeEffect, describeInput } from "./describe.js";
import { ProcessLife } from "./life/process-life.js";
import type { OutcomeQuestion } from "./ledger/ledger-checks.js";
import type { Moment } from "./faults.js";
import { Moments } from "./moments.js";
import type { NodePlan } from "./plan.js";
import { ProcessChecks } from "./process-checks.js";
import type { Random } from "./random.js";
import type { Surroundings } from "./surroundings.js";
import { ProcessRequests } from "./process-requests.js";
import { mustOnlyRead, readerSettings } from "./reader-rules.js";

export interface ProcessOptions {
  readonly serial: number;
  readonly node: number;
  readonly nodePlan: NodePlan;
  readonly incarnation: string;
  readonly random: Random;
  /** Whether another process has this one's identity and randomness. */
  readonly copied: boolean;
  /** No node: it reads, and neither writes nor speaks to anybody. */
  readonly isReader?: boolean;
}

function membersOf(nodeIds: readonly NodeId[]): readonly Member[] {
  return nodeIds.map((nodeId) => ({ nodeId, address: nodeId, voter: true, priority: 1 }));
}

/** A running process. */
export class SimProcess {
  readonly serial: number;
  readonly node: number;
  readonly nodeId: NodeId;
  readonly incarnation: string;
  readonly name: string;
  readonly copied: boolean;
  readonly isReader: boolean;
  readonly checks: ProcessChecks;
  readonly moments = new Moments();
  readonly #world: Surroundings;
  readonly #life: ProcessLife;
  readonly #random: Random;
  /** Undefined until it has found what to start from. */
  #core: AnyCore | undefined;
  #alive = true;
  #paused = false;
  #missedTicks = 0;
  readonly #backlog: Input[] = [];
  /** What the host is to do once it goes on. */
  readonly #hostBacklog: (() => void)[] = [];
  #crashAfterEffects: number | undefined;
  #ticks = 0;
  #view: View = { role: "starting", term: 0, leaderId: undefined, fault: undefined };
  #stopping = false;
  readonly #requests: ProcessRequests;

  constructor(world: Surroundings, options: ProcessOptions) {
    const { plan } = world;
    const { nodeId, window } = options.nodePlan;
    this.#world = world;
    this.serial = options.serial;
    this.node = options.node;
    this.nodeId = nodeId;
    this.incarnation = options.incarnation;
    this.name = `${nodeId}.${options.serial}`;
    this.copied = options.copied;
    this.isReader = options.isReader === true;
    this.#random = options.random;
    const { name, serial, copied } = this;
    this.checks = new ProcessChecks(world.checks, { serial, name, nodeId, window, copied });
    const nonces = options.random.fork("nonces");
    const chances = options.random.fork("core");
    const { life, queue, store } = world;
    this.#requests = new ProcessRequests({
      name,
      node: this.node,
      store,
      queue,
      deadlineMs: plan.storeDeadlineMs,
      give: (result) => this.#give(result),
      whenRunning: (action) => this.#whenRunning(action),
    });
    this.#life = new ProcessLife({
      world: life,
      name,
      node: this.node,
      queue,
      store,
      checks: world.checks,
      deadlineMs: plan.storeDeadlineMs,
      random: options.random,
      trace: world.trace,
      readsOnly: this.isReader,
      whenRunning: (action) => this.#whenRunning(action),
      lives: () => this.#livesOn(),
      knownEnd: () => this.checks.knownEnd,
      mayBeDamaged: () => world.mayFault(this, "corrupt"),
    });
    this.#scheduleTick();
    this.#life.boot((start) => {
      this.#begins(start.manifest);
      this.#core = world.makeCore({
        nodeId,
        incarnation: options.incarnation,
        clusterId,
        members: this.#founding,
        settings: { ...plan.settings, window, ...(this.isReader && readerSettings) },
        start,
        random: () => chances.next(),
        nonce: () => nonces.hex(),
        ledgerBounds: plan.ledgerBounds,
        seal,
      });
      this.#life.begin(this.#core, start);
    });
  }

  /** The list that the cluster was founded with. */
  get #founding(): readonly Member[] {
    const { solo, nodes, members } = this.#world.plan;
    if (solo && !this.isReader) return membersOf([this.nodeId]);
    return membersOf(nodes.slice(0, members?.foundingCount).map(({ nodeId }) => nodeId));
  }

  /** The members, by what it knows of the log. */
  get memberList(): MemberList {
    return this.#core?.members ?? { version: 0, members: this.#founding };
  }

  /** Has it lead without votes. */
  force(): void {
    this.#give({ type: "force" });
  }

  /** Whether it has found what to start from, and takes calls. */
  get started(): boolean {
    return this.#core !== undefined;
  }

  get alive(): boolean {
    return this.#alive;
  }

  get paused(): boolean {
    return this.#paused;
  }

  get role(): Role {
    return this.#view.role;
  }

  get leaderId(): NodeId | undefined {
    return this.#view.leaderId;
  }

  get faulted(): boolean {
    return this.#view.fault !== undefined;
  }

  get stopping(): boolean {
    return this.#stopping;
  }

  append(appends: readonly SimAppend[]): void {
    this.#give({ type: "append", appends, nowMs: this.#world.wallClockOf(this.node) });
  }

  read(readId: number): void {
    this.#give({ type: "read", readId });
  }

  /** Asks what became of a producer's number. */
  askOutcome(op: number, question: OutcomeQuestion): void {
    this.checks.ledger.asks(op, question);
    this.read(op);
  }

  /** It holds the whole log: what it remembers is compared. */
  compareLedger(): void {
    if (this.#core !== undefined) this.checks.ledger.compareWhole(this.#core);
  }

  cancelRead(readId: number): void {
    this.#give({ type: "readCancelled", readId });
  }

  receive(sender: SimProcess, message: Message): void {
    const { nodeId, incarnation } = sender;
    this.#give({ type: "message", sender: { nodeId, incarnation }, message });
  }

  transfer(target: NodeId | undefined, timeoutMs: number): void {
    const timeoutTicks = Math.ceil(timeoutMs / this.#world.tickMsOf(this.node));
    this.#give({ type: "transfer", target, timeoutTicks });
  }

  stop(): void {
    if (this.#stopping) return;
    this.#stopping = true;
    if (this.#core === undefined) this.#world.stopped(this);
    this.#give({ type: "stop" });
  }

  /** Dies in the midst of its effects, after `effects` more; undefined: does not. */
  crashAfter(effects: number | undefined): void {
    this.#crashAfterEffects = effects;
    if (effects === 0) this.crash();
  }

  crash(): void {
    if (!this.#alive) return;
    this.#alive = false;
    this.#world.trace?.(`${this.name} dies`);
    this.checks.died();
  }

  pause(): void {
    this.#paused = true;
    this.#missedTicks = 0;
  }

  /** Goes on where it stood: what came meanwhile comes now, kind by kind or as it came. */
  resume(): void {
    if (!this.#alive || !this.#paused) return;
    this.#paused = false;
    this.#world.trace?.(`${this.name} goes on`);
    const most = this.#world.plan.ticksCatchUp ? this.#missedTicks : Math.min(1, this.#missedTicks);
    const ticks: Input[] = Array.from({ length: most }, () => ({ type: "tick" }));
    const backlog = this.#backlog.splice(0);
    const ranks = this.#random.shuffled([0, 1, 2]);
    const rankOf = (input: Input) =>
      ranks[input.type === "message" ? 0 : input.type.endsWith("Result") ? 1 : 2] ?? 0;
    if (this.#random.chance(0.5)) backlog.sort((a, b) => rankOf(a) - rankOf(b));
    const inputs = this.#random.chance(0.5) ? [...ticks, ...backlog] : [...backlog, ...ticks];
    for (const input of inputs) {
      if (input.type === "tick") this.#tick();
      else this.#give(input);
    }
    for (const action of this.#hostBacklog.splice(0)) this.#whenRunning(action);
  }

  /** A clock by which answers age is set forward. */
  jumpAge(byMs: number): void {
    this.#life.clocks.jump(byMs);
  }

  /** A clock by which it waits is set back. */
  stallWaiting(forMs: number): void {
    this.#life.clocks.stall(forMs);
  }

  /** Reads something of the log's past. */
  readHistory(): void {
    this.#whenRunning(() => this.#life.readHistory());
  }

  #whenRunning(action: () => void): void {
    if (!this.#alive) return;
    if (this.#paused) this.#hostBacklog.push(action);
    else action();
  }

  /** Before each effect: whether it is not the one that it dies before. */
  #livesOn(): boolean {
    if (this.#alive && this.#crashAfterEffects !== undefined && this.#crashAfterEffects-- <= 0) {
      this.crash();
    }
    return this.#alive;
  }

  #scheduleTick(): void {
    this.#world.queue.after(this.#world.tickMsOf(this.node), () => {
      if (!this.#alive) return;
      this.#scheduleTick();
      if (this.#paused) this.#missedTicks += 1;
      else this.#tick();
    });
  }

  #tick(): void {
    this.#give({ type: "tick" });
    if (this.#alive) this.#life.tick();
  }

  #give(input: Input): void {
    if (!this.#alive || this.#core === undefined) return;
    if (this.#paused) {
      this.#backlog.push(input);
      return;
    }
    if (input.type === "append" && this.#turnsAway(input.appends as readonly SimAppend[])) return;
    const { trace } = this.#world;
    this.#notice(input);
    const effects = this.#core.step(input, this.#life.clocks.ageMs);
    if (trace !== undefined && (input.type !== "tick" || effects.length > 0)) {
      trace(`${this.name} <- ${describeInput(input)}`);
    }
    for (const effect of effects) {
      if (!this.#livesOn()) return;
      trace?.(`${this.name} -> ${describeEffect(effect)}`);
      this.#perform(effect);
    }
    this.checks.stepped();
    this.checks.ledger.compare(this.#core, this.checks.announcedCount);
  }

  /** What comes on a stream of which an append was refused is not begun: a host knows its streams. */
  #turnsAway(appends: readonly SimAppend[]): boolean {
    if (!appends.some(({ stream }) => stream !== undefined && stream.refusedId < Infinity)) {
      return false;
    }
    for (const append of appends) this.checks.appendBegan(append);
    this.checks.returned(appends, "notBegun");
    return true;
  }

  /** Tells the judge what the process is about to hear. */
  #notice(input: Input): void {
    switch (input.type) {
      case "tick":
        this.#ticks += 1;
        break;
      case "append":
        for (const append of input.appends) this.checks.appendBegan(append as SimAppend);
        break;
      case "read":
        this.checks.readBegan(input.readId);
        break;
      case "readCancelled":
        this.checks.readCancelled(input.readId);
        break;
      case "message":
        if ("tailPosition" in input.message && input.message.tailPosition !== undefined) {
          this.checks.heardOfTail(input.message.tailPosition);
        }
        break;
      case "createResult":
        this.#hearOfCreate(input.request, input.outcome);
        break;
      case "getResult":
        this.#hearOfGet(input.request, input.outcome);
        break;
      case "transfer":
        this.checks.transferBegan();
        break;
      case "manifestResult":
      case "ledgerResult":
      case "stop":
    }
  }

  #hearOfGet(request: number, outcome: GetOutcome): void {
    const position = this.#requests.takeGet(request);
    if (outcome.type === "found") this.checks.found(outcome.segment, this.role === "leader");
    if (outcome.type === "corrupt" && position !== undefined) this.checks.foundDamaged(position);
  }

  #hearOfCreate(request: number, outcome: CreateOutcome): void {
    const segment = this.#requests.takeCreate(request);
    if (segment !== undefined) this.checks.createAnswered(segment, outcome);
  }

  #perform(effect: Effect): void {
    if (this.isReader) mustOnlyRead(this.name, effect);
    switch (effect.type) {
      case "create":
        this.checks.sent(effect.segment, this.#ticks);
        this.#requests.create(effect.request, effect.segment);
        break;
      case "get":
        this.#requests.get(effect.request, effect.position);
        break;
      case "readManifest":
        this.#readManifest(effect.request);
        break;
      case "readLedger":
        this.#readLedger(effect.request, effect.manifest);
        break;
      case "listLeases":
        this.#requests.listLeases(effect.request, effect.after);
        break;
      case "createLease":
        this.#requests.createLease(effect.request, effect.number);
        break;
      case "deleteLease":
        this.#world.store.deleteLease(this.node, effect.number);
        break;
      case "leftBehind":
        this.#world.checks.tally.leftBehind += 1;
        this.#begins(effect.manifest);
        break;
      case "send":
        this.checks.said(effect.message);
        this.#world.send(this, effect.to, effect.message);
        break;
      case "committed":
        this.checks.committed(effect.segment, effect.appends, effect.openedIds);
        if (effect.appends.length > 0) this.#reaches("commit");
        break;
      case "answered":
        this.checks.answered(effect.append as SimAppend, effect.answer);
        break;
      case "returned":
        this.checks.returned(effect.appends, effect.reason);
        for (const append of effect.appends) this.#world.appendReturned(append as SimAppend);
        break;
      case "unknown":
        this.checks.unknown(effect.appends);
        break;
      case "readReady":
        for (const readId of effect.readIds) this.#readReady(readId);
        break;
      case "readFailed":
        for (const readId of effect.readIds) this.checks.readFailed(readId);
        break;
      case "view":
        this.#see(effect.view);
        break;
      case "transferred":
        this.checks.transferred();
        break;
      case "stopped":
        this.checks.stopped();
        this.#world.stopped(this);
        break;
    }
  }

  #readReady(readId: number): void {
    const { checks } = this;
    checks.readReady(readId);
    const question = checks.ledger.question(readId);
    if (question === undefined) return;
    const outcome = this.#core?.outcomeOf(question.producerId, question.sequence);
    if (outcome !== undefined) checks.ledger.told(readId, outcome, checks.state);
  }

  #see(view: View): void {
    const { fault } = view;
    if (fault !== undefined && this.#view.fault === undefined) {
      this.checks.faulted(fault, this.#world.mayFault(this, fault.kind));
    }
    this.#view = view;
    this.#world.viewChanged(this);
  }

  #readManifest(request: number): void {
    this.#requests.begin(request);
    this.#life.readManifest(
      (outcome) => this.#give({ type: "manifestResult", request, outcome }),
      (asking) => this.#reaches(asking),
    );
  }

  #reaches(moment: Moment): void {
    const { creates, gets } = this.#requests;
    this.moments.reached(moment, { creates, gets, leads: this.role === "leader" });
  }

  /** It holds the log anew, from the manifest's checkpoint. */
  #begins(manifest: ManifestView): void {
    const tail = manifest.checkpoint?.walk.tail ?? 0;
    this.checks.begins(manifest, this.#world.life.judge.walk.validBelow(tail));
  }

  #readLedger(request: number, manifest: ManifestView): void {
    this.#requests.begin(request);
    this.#life.readLedger(manifest, (outcome) =>
      this.#give({ type: "ledgerResult", request, outcome }),
    );
  }
}
