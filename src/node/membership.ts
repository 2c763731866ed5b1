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

export class Membership {
  readonly #self: NodeMember;
  readonly #configured: readonly NodeMember[];
  readonly #announced = new Map<string, string>();
  #list: MemberList;
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
