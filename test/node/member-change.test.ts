import { expect } from "chai";
import type { MemberList } from "../../src/core/members.js";
import { SuraftError } from "../../src/errors.js";
import { changedList, newcomers } from "../../src/node/member-change.js";
import type { MemberChange } from "../../src/node/member-change.js";

const member = (nodeId: string, changes = {}) => ({
  nodeId,
  address: `${nodeId}:1`,
  voter: true,
  priority: 1,
  ...changes,
});

const list: MemberList = { version: 4, members: [member("a"), member("b"), member("c")] };

const asked = (nodeId: string, changes = {}) => ({
  nodeId,
  address: `${nodeId}:1`,
  learner: false,
  priority: undefined,
  ...changes,
});

function changed(change: Partial<MemberChange>): MemberList {
  const nothing = { add: [], update: [], removeIds: [], expectedVersion: undefined, force: false };
  return changedList(list, { ...nothing, ...change });
}

/** Why the change is refused. */
function refusal(change: Partial<MemberChange>): [kind: string, message: string] {
  try {
    changed(change);
  } catch (error) {
    if (error instanceof SuraftError) return [error.kind, error.message];
    throw error;
  }
  throw new Error("the change was not refused");
}

describe("a change of members", () => {
  it("adds, updates and removes any number in one step", () => {
    const after = changed({
      add: [asked("d"), asked("e", { learner: true })],
      update: [asked("b", { address: "b:2", priority: 0 })],
      removeIds: ["a", "c"],
    });
    expect(after).to.deep.equal({
      version: 5,
      members: [
        member("b", { address: "b:2", priority: 0 }),
        member("d"),
        member("e", { voter: false }),
      ],
    });
    expect(newcomers(list, after).map(({ nodeId }) => nodeId)).to.deep.equal(["b", "d", "e"]);
  });

  it("may replace all members by others", () => {
    const after = changed({ add: [asked("x")], removeIds: ["a", "b", "c"] });
    expect(after.members).to.deep.equal([member("x")]);
  });

  it("is made only to the list that the caller saw, if it says which", () => {
    expect(changed({ removeIds: ["a"], expectedVersion: 4 }).version).to.equal(5);
    expect(refusal({ removeIds: ["a"], expectedVersion: 3 })).to.deep.equal([
      "conflict",
      "the list of members has version 4; read it again",
    ]);
  });

  const misfits: [why: string, change: Partial<MemberChange>, message: string][] = [
    ["empty", {}, "nothing is to be changed"],
    ["of a member that exists", { add: [asked("a")] }, "a is a member already"],
    ["of no member", { removeIds: ["x"] }, "x is no member; the members are a, b, c"],
    ["of no member to update", { update: [asked("x")] }, "x is no member"],
    ["of one member twice", { update: [asked("a")], removeIds: ["a"] }, "a is named twice"],
    ["without voters", { removeIds: ["a", "b", "c"] }, "the last voter cannot be removed"],
    [
      "without a node that may lead",
      { update: [asked("a", { priority: 0 })], removeIds: ["b", "c"] },
      "no voter would be left that may lead",
    ],
    ["to no address", { add: [asked("x", { address: "nowhere" })] }, 'member "x" at "nowhere"'],
    ["to no id", { add: [asked("x y", { address: "x:1" })] }, 'member "x y" at "x:1"'],
    ["to a priority beyond all bounds", { add: [asked("x", { priority: 1001 })] }, "at most 1000"],
  ];
  for (const [why, change, message] of misfits) {
    it(`is refused where it is ${why}`, () => {
      const [kind, said] = refusal(change);
      expect(kind).to.equal("invalid");
      expect(said).to.contain(message);
    });
  }
});
