/**
 * The simulated world: nodes and their processes, the store, the network, the clients, and the
 * faults that befall them. A run (run.ts) drives it through its phases.
 */

import type { Message } from "../../src/core/protocol.js";
import type { NodeId } from "../../src/core/types.js";
import { Clients } from "./clients.js";
import { Conditions } from "./conditions.js";
import type { SimAppend } from "./content.js";
import type { Trace } from "./describe.js";
import { EventQueue } from "./event-queue.js";
import { describeFault, type FaultAction } from "./faults.js";
import { tickMs, type MembersPlan, type NodePlan, type Plan, type ReadersPlan } from "./plan.js";
import type { ObjectName } from "../../src/core/upkeep/protocol.js";
import { objectName } from "../../src/log/names.js";
import { makeLife } from "./life/make-life.js";
import { productionParts, type Parts } from "./life/parts.js";
import type { LifeWorld } from "./life/process-life.js";
import { Random } from "./random.js";
import { RunChecks } from "./run-checks.js";
import { Operator } from "./members/operator.js";
import { StoreReaders } from "./store-readers.js";
import { SimNetwork } from "./sim-network.js";
import type { MakeCore } from "./any-core.js";
import { SimProcess } from "./sim-process.js";
import { SimStore } from "./sim-store.js";
import type { Surroundings } from "./surroundings.js";

interface SimNode {
  readonly index: number;
  readonly plan: NodePlan;
  processes: SimProcess[];
  tickMs: number;
  clockOffsetMs: number;
  /** How many processes it has had. */
  startCount: number;
  /** When a get of this node last was to find a damaged object. */
  corrupted: boolean;
}

export interface WorldOptions {
  readonly plan: Plan;
  readonly makeCore: MakeCore;
  readonly parts?: Parts;
  readonly trace?: Trace;
}

/** Everything that a run consists of. */
export class World {
  readonly plan: Plan;
  readonly queue = new EventQueue();
  readonly checks: RunChecks;
  readonly store: SimStore;
  readonly network: SimNetwork;
  readonly clients: Clients;
  /** Undefined where the founding list stays. */
  readonly operator: Operator | undefined;
  readonly conditions: Conditions;
  /** Undefined where nobody reads straight from the store. */
  readonly readers: StoreReaders | undefined;
  readonly life: LifeWorld;
  /** Counts changes of any process's view. */
  viewChanges = 0;
  faultsBegun = 0;
  readonly #nodes: SimNode[];
  readonly #random: Random;
  readonly #historyRandom: Random;
  readonly #trace: Trace | undefined;
  readonly #surroundings: Surroundings;
  #serials = 0;
  /** How many processes doze. */
  #dozing = 0;
  #healed = false;

  constructor({ plan, makeCore, parts = productionParts, trace }: WorldOptions) {
    this.plan = plan;
    const random = new Random(plan.seed).fork("world");
    const { queue } = this;
    this.#random = random.fork("processes");
    this.#trace = trace && ((line) => trace(`${String(queue.now).padStart(8)} ${line}`));
    this.checks = new RunChecks(plan.settings, plan.ledgerBounds, () => queue.now);
    this.conditions = new Conditions(plan.nodes.length + (plan.readers?.count ?? 0));
    const { conditions, checks } = this;
    const { log } = checks;
    const shared = { queue, plan, conditions };
    this.store = new SimStore({ ...shared, random: random.fork("store"), log });
    this.network = new SimNetwork({ ...shared, random: random.fork("network") });
    this.clients = new Clients({
      plan: plan.clients,
      ledger: plan.ledger,
      rates: plan.rates,
      random: random.fork("clients"),
      queue,
      checks,
      processes: () => this.living().filter((process) => process.started && !process.faulted),
    });
    this.operator = plan.members && this.#makeOperator(plan.members, random.fork("operator"));
    this.readers = plan.readers && this.#makeReaders(plan.readers, random.fork("readers"));
    this.life = makeLife({ plan, parts, store: this.store, checks });
    this.#historyRandom = random.fork("history");
    this.#nodes = plan.nodes.map((node, index) => ({
      index,
      plan: node,
      processes: [],
      tickMs: node.tickMs,
      clockOffsetMs: node.clockOffsetMs,
      startCount: 0,
      corrupted: false,
    }));
    this.#surroundings = this.#makeSurroundings(makeCore);
  }

  #makeOperator(members: MembersPlan, random: Random): Operator {
    const { queue, checks, plan } = this;
    const processes = (): readonly SimProcess[] =>
      this.serving().filter(({ started, faulted, stopping }) => started && !faulted && !stopping);
    return new Operator({ plan: members, nodes: plan.nodes, random, queue, checks, processes });
  }

  #makeReaders(plan: ReadersPlan, random: Random): StoreReaders {
    const { queue, checks } = this;
    const nodeCount = this.plan.nodes.length;
    const surroundings = (): Surroundings => this.#surroundings;
    return new StoreReaders({ plan, nodeCount, random, queue, checks, surroundings });
  }

  /** Starts the nodes, not quite at once, and schedules the faults. */
  begin(): void {
    for (const node of this.#nodes) {
      const delayMs = this.#random.within({ min: 0, max: 500 });
      this.queue.after(delayMs, () => this.#startIfDown(node));
    }
    for (const fault of this.plan.faults) {
      if (fault.atMs < this.plan.safetyMs) {
        this.queue.after(fault.atMs, () => this.#befall(fault));
      }
    }
    this.clients.start();
    this.operator?.start();
    this.readers?.begin();
    this.#readHistory();
  }

  /** Some process reads something of the past, now and then, for as long as faults last. */
  #readHistory(): void {
    const { life } = this.plan;
    if (life === undefined) return;
    this.queue.after(this.#historyRandom.within(life.historyBetweenMs), () => {
      const processes = this.living().filter(({ started }) => started);
      if (this.#healed) return;
      if (processes.length > 0) this.#historyRandom.pick(processes).readHistory();
      this.#readHistory();
    });
  }

  /** Faults end: one process per node that is not absent, all links, clocks and the store in order. */
  heal(): void {
    this.#healed = true;
    this.#trace?.("faults end");
    this.conditions.heal();
    this.store.calm();
    this.network.calm();
    this.clients.stop();
    this.operator?.stop();
    this.readers?.heal();
    for (const node of this.#nodes) {
      node.tickMs = Math.round(tickMs * (0.9 + 0.2 * this.#random.next()));
      const absent = this.plan.absent.includes(node.index);
      const fit = node.processes.find(
        (process) => !process.faulted && !process.stopping && !process.copied,
      );
      for (const process of node.processes) {
        process.crashAfter(undefined);
        process.moments.clear();
        if (absent || process !== fit) process.crash();
        else process.resume();
      }
      node.processes = node.processes.filter((process) => process.alive);
      if (!absent && node.processes.length === 0) this.#start(node);
    }
    const { severed } = this.plan;
    if (severed !== undefined) {
      const forMs = Number.POSITIVE_INFINITY;
      this.conditions.begin({ type: "storeOutage", atMs: 0, node: severed, mode: "silent", forMs });
    }
  }

  /** Every node reaches the store again. */
  mend(): void {
    this.conditions.heal();
  }

  /** The node that does not reach the store, if there is one. */
  get severed(): number | undefined {
    const { severed } = this.plan;
    const out = severed !== undefined && this.conditions.outage(severed) !== undefined;
    return out ? severed : undefined;
  }

  /** In the liveness phase: the processes that must serve. */
  serving(): SimProcess[] {
    const { severed } = this;
    return this.living().filter(({ node }) => node !== severed);
  }

  /** In the liveness phase: how many nodes must serve. */
  get servingCount(): number {
    const { nodes, absent } = this.plan;
    return nodes.length - absent.length - (this.severed === undefined ? 0 : 1);
  }

  /** All processes that live. */
  living(): SimProcess[] {
    const living: SimProcess[] = [];
    for (const node of this.#nodes) {
      for (const process of node.processes) if (process.alive) living.push(process);
    }
    return living;
  }

  /** A node's process dies and a new one starts with nothing. */
  replace(process: SimProcess): void {
    process.crash();
    const node = this.#nodes[process.node];
    if (node !== undefined) this.#start(node);
  }

  note(line: string): void {
    this.#trace?.(line);
  }

  #makeSurroundings(makeCore: MakeCore): Surroundings {
    const { plan, queue, store, checks, life } = this;
    return {
      life,
      plan,
      queue,
      store,
      checks,
      makeCore,
      trace: this.#trace,
      tickMsOf: (node) => this.#nodes[node]?.tickMs ?? tickMs,
      wallClockOf: (node) =>
        1_700_000_000_000 + queue.now + (this.#nodes[node]?.clockOffsetMs ?? 0),
      send: (from, to, message) => this.#send(from, to, message),
      viewChanged: (process) => this.#viewChanged(process),
      appendReturned: (append: SimAppend) => this.clients.returned(append),
      stopped: (process) => this.queue.after(0, () => process.crash()),
      mayFault: (process, kind) => this.#mayFault(process, kind),
    };
  }

  #send(from: SimProcess, to: NodeId, message: Message): void {
    const target = this.#nodes.find((node) => node.plan.nodeId === to);
    if (target === undefined) return;
    this.network.send(from.node, target.index, message, (copy) => {
      const alive = target.processes.filter((process) => process.alive);
      if (alive.length > 0) this.#random.pick(alive).receive(from, copy);
    });
  }

  #viewChanged(process: SimProcess): void {
    this.viewChanges += 1;
    if (!process.faulted) return;
    // The host gives a node at fault up after a while, and a person starts it again.
    this.queue.after(1_000, () => process.crash());
    const node = this.#nodes[process.node];
    if (node !== undefined) this.queue.after(3_000, () => this.#startIfDown(node));
  }

  #mayFault(process: SimProcess, kind: string): boolean {
    const node = this.#nodes[process.node];
    if (node === undefined) return false;
    if (kind === "corrupt") return node.corrupted;
    if (kind === "cloned") return process.copied;
    // Late messages of a process that died can look like a living one's.
    return kind === "duplicate" && node.startCount > 1;
  }

  #startIfDown(node: SimNode): void {
    if (node.processes.some((process) => process.alive)) return;
    if (this.#healed && this.plan.absent.includes(node.index)) return;
    this.#start(node);
  }

  #start(node: SimNode, copied?: { seed: number; incarnation: string }): SimProcess {
    node.processes = node.processes.filter((process) => process.alive);
    this.#serials += 1;
    node.startCount += 1;
    const process = new SimProcess(this.#surroundings, {
      serial: this.#serials,
      node: node.index,
      nodePlan: node.plan,
      incarnation: copied?.incarnation ?? this.#random.hex(),
      random: copied === undefined ? this.#random.fork("process") : new Random(copied.seed),
      copied: copied !== undefined,
    });
    node.processes.push(process);
    this.#trace?.(`${process.name} starts`);
    return process;
  }

  #befall(fault: FaultAction): void {
    if (this.#healed) return;
    this.faultsBegun += 1;
    this.#trace?.(`FAULT ${describeFault(fault)}`);
    switch (fault.type) {
      case "crash":
      case "stop":
      case "pause":
      case "doze":
      case "twin":
      case "clone":
      case "clockJump":
      case "tickRate":
      case "ageJump":
      case "waitStall":
      case "corruptRead": {
        const node = this.#nodes[fault.node];
        if (node !== undefined) this.#befallNode(fault, node);
        break;
      }
      case "crashAll":
        for (const process of this.living()) process.crash();
        for (const node of this.#nodes) {
          this.#later(this.#random.below(fault.downMs) + 1, () => this.#startIfDown(node));
        }
        break;
      case "landAll":
        this.store.landAll();
        break;
      case "transfer": {
        const target = fault.node === undefined ? undefined : this.#nodes[fault.node];
        for (const process of this.living()) {
          if (process.role === "leader") process.transfer(target?.plan.nodeId, fault.forMs);
        }
        break;
      }
      case "storeOutage":
      case "storeSlow":
      case "cut":
        this.conditions.begin(fault);
        this.#later(fault.forMs, () => this.conditions.end(fault));
        break;
      case "flap":
        this.#flap(fault, this.queue.now + fault.forMs);
        break;
    }
  }

  #befallNode(fault: FaultAction & { readonly node: number }, node: SimNode): void {
    const process = node.processes.find((one) => one.alive);
    switch (fault.type) {
      case "crash":
        process?.crashAfter(fault.afterEffects);
        this.#later(fault.downMs, () => this.#startIfDown(node));
        break;
      case "stop":
        process?.stop();
        // A host that waits too long for a clean end kills.
        this.#later(fault.downMs, () => {
          process?.crash();
          this.#startIfDown(node);
        });
        break;
      case "pause":
        process?.pause();
        this.#later(fault.forMs, () => process?.resume());
        break;
      case "doze":
        process?.moments.once(fault.moment, () => this.#doze(process, fault));
        break;
      case "twin":
        this.#twin(node, fault.forMs);
        break;
      case "clone":
        this.#clone(node, fault.forMs);
        break;
      case "clockJump":
        node.clockOffsetMs += fault.byMs;
        break;
      case "tickRate": {
        const before = node.tickMs;
        node.tickMs = fault.tickMs;
        this.#later(fault.forMs, () => (node.tickMs = before));
        break;
      }
      case "ageJump":
        process?.jumpAge(fault.byMs);
        break;
      case "waitStall":
        process?.stallWaiting(fault.forMs);
        break;
      case "corruptRead":
        node.corrupted = true;
        this.store.corruptNext(node.index);
        break;
      default:
    }
  }

  /** What is under way from it hangs, too; it wakes when that hurts. */
  #doze(process: SimProcess, fault: FaultAction & { readonly type: "doze" }): boolean {
    const { node, forMs, lateMs, moment } = fault;
    const { carrier } = this.store;
    const awaited: ObjectName =
      moment === "list"
        ? { type: "manifest", number: this.life.judge.greatest.number }
        : { type: "segment", position: process.checks.knownEnd };
    const name = objectName(awaited);
    // Another manifest must be about to take the place of the one that it will have listed.
    if (moment === "list" && !carrier.isAwaited(name)) return false;
    // Others must go on.
    if (process.paused || 2 * (this.#dozing + 1) > this.#nodes.length) return false;
    this.#dozing += 1;
    process.pause();
    carrier.hang(node);
    carrier.onceFreed(name, forMs, () => {
      this.#dozing -= 1;
      this.#later(lateMs, () => {
        carrier.release(node);
        process.resume();
      });
    });
    return true;
  }

  #twin(node: SimNode, forMs: number): void {
    this.#start(node);
    this.#later(forMs, () => {
      const alive = node.processes.filter((process) => process.alive);
      if (alive.length < 2) return;
      this.#random.pick(alive).crash();
    });
  }

  #clone(node: SimNode, forMs: number): void {
    for (const process of node.processes) process.crash();
    const origin = { seed: this.#random.below(2 ** 32), incarnation: this.#random.hex() };
    const copies = [this.#start(node, origin), this.#start(node, origin)];
    this.#later(forMs, () => this.#random.pick(copies).crash());
  }

  #flap(fault: FaultAction & { readonly type: "flap" }, untilMs: number): void {
    if (this.#healed || this.queue.now >= untilMs) return;
    this.conditions.begin(fault);
    this.#later(fault.periodMs, () => {
      this.conditions.end(fault);
      this.#later(fault.periodMs, () => this.#flap(fault, untilMs));
    });
  }

  /** Does nothing once faults have ended. */
  #later(delayMs: number, action: () => void): void {
    this.queue.after(delayMs, () => {
      if (!this.#healed) action();
    });
  }
}
