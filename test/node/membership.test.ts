import { expect } from "chai";
import type { MemberList } from "../../src/core/members.js";
import { Membership } from "../../src/node/membership.js";

const list = (...ids: readonly string[]): MemberList => ({
  version: 0,
  members: ids.map((nodeId) => ({ nodeId, address: `${nodeId}:listed`, voter: true, priority: 1 })),
});

const membership = () =>
  new Membership({
    self: { nodeId: "a", address: "a:own" },
    configured: [{ nodeId: "b", address: "b:configured" }],
    list: list("a", "b", "c"),
  });

const addresses = ({ members }: Membership) => members.map(({ address }) => address);

describe("where members are reached", () => {
  it("is where they say, else where the configuration says, else where the log says", () => {
    const known = membership();
    expect(addresses(known)).to.deep.equal(["a:own", "b:configured", "c:listed"]);
    expect(known.announced({ nodeId: "b", address: "b:announced" })).to.equal(true);
    expect(known.announced({ nodeId: "b", address: "b:announced" })).to.equal(false);
    expect(addresses(known)).to.deep.equal(["a:own", "b:announced", "c:listed"]);
  });

  it("is of no interest for nodes that are no members", () => {
    const known = membership();
    expect(known.announced({ nodeId: "x", address: "x:announced" })).to.equal(false);
    known.update(list("b", "c"));
    expect(known.own).to.equal(undefined);
    expect(known.find("a")).to.equal(undefined);
  });

  it("is forgotten with the member", () => {
    const known = membership();
    known.announced({ nodeId: "c", address: "c:announced" });
    known.update(list("a", "b"));
    known.update(list("a", "b", "c"));
    expect(addresses(known)).to.deep.equal(["a:own", "b:configured", "c:listed"]);
  });
});

describe("what is told of the members", () => {
  it("is told once, and says where this node is no member any more", () => {
    const known = membership();
    expect(known.takeNews()).to.deep.equal({
      text: "members, version 0: a, b, c",
      isRemoved: false,
    });
    expect(known.takeNews()).to.equal(undefined);
    known.update(list("b", "c"));
    expect(known.takeNews()).to.deep.equal({ text: "members, version 0: b, c", isRemoved: true });
    known.update(list("b"));
    expect(known.takeNews()).to.include({ isRemoved: false });
  });
});
