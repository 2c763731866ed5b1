/**
 * The members as the log names them, and where they are reached: where a member says that it is
 * comes before where this node's configuration says, and that before what the log says. So a node
 * that has moved is found before the log says so, and a cluster that has moved as a whole, too.
 */

import { memberOf } from "../core/members.js";
import type { Member, MemberList } from "../core/members.js";
import type { NodeMember } from "./node.js";

export interface MembershipOptions {
  readonly self: NodeMember;
  /** The configuration's members. */
  readonly configured: readonly NodeMember[];
  readonly list: MemberList;
}

/** What is new about the list of members, for people. */
export interface MemberNews {
  readonly text: string;
  /** Whether this node was a member by the list that was told last. */
  readonly isRemoved: boolean;
}

export class Membership {
  readonly #self: NodeMember;
  readonly #configured: readonly NodeMember[];
  readonly #announced = new Map<string, string>();
  #list: MemberList;
  #told: MemberList | undefined;
  #reached: readonly Member[] = [];

  constructor({ self, configured, list }: MembershipOptions) {
    this.#self = self;
    this.#configured = configured;
    this.#list = list;
    this.#locate();
  }

  /** As the log has it. */
  get list(): MemberList {
    return this.#list;
  }

  /** All members, where they are reached. */
  get members(): readonly Member[] {
    return this.#reached;
  }

  get own(): Member | undefined {
    return this.find(this.#self.nodeId);
  }

  find(nodeId: string | undefined): Member | undefined {
    return this.#reached.find((member) => member.nodeId === nodeId);
  }

  /** The log has another list. */
  update(list: MemberList): void {
    this.#list = list;
    for (const nodeId of this.#announced.keys()) {
      if (memberOf(list, nodeId) === undefined) this.#announced.delete(nodeId);
    }
    this.#locate();
  }

  /** What is to be told of the list, once; undefined if it was. */
  takeNews(): MemberNews | undefined {
    const [list, told] = [this.#list, this.#told];
    if (list === told) return undefined;
    this.#told = list;
    const names = list.members.map(({ nodeId }) => nodeId).join(", ");
    const { nodeId } = this.#self;
    const wasMember = told !== undefined && memberOf(told, nodeId) !== undefined;
    const isRemoved = wasMember && memberOf(list, nodeId) === undefined;
    return { text: `members, version ${list.version}: ${names}`, isRemoved };
  }

  /** A member says where it is. Returns whether that is news. */
  announced({ nodeId, address }: NodeMember): boolean {
    const known = this.find(nodeId);
    if (known === undefined || known.address === address) return false;
    this.#announced.set(nodeId, address);
    this.#locate();
    return true;
  }

  #locate(): void {
    this.#reached = this.#list.members.map((member) => {
      const { nodeId } = member;
      if (nodeId === this.#self.nodeId) return { ...member, address: this.#self.address };
      const configured = this.#configured.find((other) => other.nodeId === nodeId)?.address;
      const address = this.#announced.get(nodeId) ?? configured ?? member.address;
      return { ...member, address };
    });
  }
}
