/**
 * The operator of a simulated cluster: changes the list of members while faults last, now and then by an old
 * view, forces nodes to lead, and in the end makes the cluster whole again.
 */

import type { Member, MemberList } from "../../../src/core/members.js";
import { makeAppend } from "../content.js";
import type { MembersPlan, NodePlan } from "../plan.js";
import type { EventQueue } from "../event-queue.js";
import type { Random } from "../random.js";
import type { RunChecks } from "../run-checks.js";
import type { SimProcess } from "../sim-process.js";

export interface OperatorOptions {
  readonly plan: MembersPlan;
  readonly nodes: readonly NodePlan[];
  readonly random: Random;
  readonly queue: EventQueue;
  readonly checks: RunChecks;
  readonly processes: () => readonly SimProcess[];
}

export class Operator {
  readonly #options: OperatorOptions;
  #busy = true;

  constructor(options: OperatorOptions) {
    this.#options = options;
  }

  start(): void {
    const { random, plan, queue } = this.#options;
    queue.after(random.within(plan.betweenMs), () => {
      if (!this.#busy) return;
      this.#act();
      this.start();
    });
  }

  stop(): void {
    this.#busy = false;
  }

  /** Has the leader take all nodes as voters. Returns whether they are, by the list of a leader. */
  makeWhole(): boolean {
    const { nodes } = this.#options;
    const leader = this.#leader();
    if (leader === undefined) return false;
    const { version, members } = leader.memberList;
    const isWhole =
      members.length === nodes.length &&
      members.every(({ voter, priority }) => voter && priority === 1);
    if (isWhole) return true;
    const all = nodes.map(({ nodeId }) => member(nodeId, { voter: true, priority: 1 }));
    this.#change(leader, { version: version + 1, members: all });
    return false;
  }

  /** Has a node lead without votes. */
  force(process: SimProcess): void {
    process.force();
  }

  #act(): void {
    const { random, processes } = this.#options;
    const living = processes();
    if (living.length > 0 && random.chance(0.1)) this.force(random.pick(living));
    const leader = this.#leader();
    const asked = leader ?? (living.length > 0 ? random.pick(living) : undefined);
    if (asked === undefined) return;
    const { version } = asked.memberList;
    // An operator with an old view, now and then, or one ahead of its time.
    const next = version + (random.chance(0.85) ? 1 : random.below(3));
    if (next < 1) return;
    this.#change(asked, { version: next, members: this.#draw() });
  }

  #leader(): SimProcess | undefined {
    return this.#options.processes().find((process) => process.role === "leader");
  }

  /** Any nodes, at least one of them a voter that may lead. */
  #draw(): readonly Member[] {
    const { random, nodes } = this.#options;
    const chosen = random.shuffled([...nodes]).slice(0, 1 + random.below(nodes.length));
    return chosen.map(({ nodeId }, at) => {
      const voter = at === 0 || random.chance(0.8);
      const priority = at === 0 ? 1 + random.below(2) : random.pick([0, 1, 1, 1, 2]);
      return member(nodeId, { voter, priority });
    });
  }

  #change(process: SimProcess, list: MemberList): void {
    const options = { control: { type: "members", list } } as const;
    const { checks } = this.#options;
    const demand = { entryCount: 0, sizeBytes: 1, options };
    process.append([makeAppend(checks.nextOperation(), process.serial, demand)]);
  }
}

function member(nodeId: string, role: Pick<Member, "voter" | "priority">): Member {
  return { nodeId, address: nodeId, ...role };
}
