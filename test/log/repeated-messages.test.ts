import { expect } from "chai";

import { takeRepeated } from "../../src/log/repeated-messages.js";

function taken(bytes: readonly number[]) {
  const messages: number[][] = [];
  const problem = takeRepeated(Uint8Array.from(bytes), 2, (one) => messages.push([...one]) > 0);
  return { messages, problem };
}

describe("a message that is one repeated field", () => {
  it("is taken apart in order, empty messages too", () => {
    const bytes = [0x12, 2, 7, 8, 0x12, 0, 0x12, 1, 9];
    expect(taken(bytes)).to.deep.equal({ messages: [[7, 8], [], [9]], problem: undefined });
  });

  it("may hold none", () => {
    expect(taken([])).to.deep.equal({ messages: [], problem: undefined });
  });

  it("aliases the message", () => {
    const bytes = Uint8Array.from([0x12, 1, 9]);
    takeRepeated(bytes, 2, (one) => (one[0] = 5) > 0);
    expect([...bytes]).to.deep.equal([0x12, 1, 5]);
  });

  it("is taken apart no further than it is asked to", () => {
    const messages: number[][] = [];
    const bytes = Uint8Array.from([0x12, 1, 9, 0x12, 1, 8, 0xff]);
    const problem = takeRepeated(bytes, 2, (one) => messages.push([...one]) < 2);
    expect({ messages, problem }).to.deep.equal({ messages: [[9], [8]], problem: undefined });
  });

  const nonsense: Readonly<Record<string, { bytes: readonly number[]; says: RegExp }>> = {
    "another field": { bytes: [0x0a, 0], says: /field 1 stands where only 2 belongs/ },
    "another wire type": { bytes: [0x10, 1], says: /field 2 has wire type 0/ },
    "a message that is cut off": { bytes: [0x12, 3, 1], says: /a length of 3 where 1 bytes/ },
    "no length": { bytes: [0x12], says: /cut off/ },
    "a tag that is cut off": { bytes: [0x92], says: /cut off/ },
    "a tag that is written too long": { bytes: [0x92, 0], says: /too long/ },
  };
  for (const [what, { bytes, says }] of Object.entries(nonsense)) {
    it(`is no longer taken apart from ${what} on`, () => {
      const { messages, problem } = taken([0x12, 1, 9, ...bytes]);
      expect(messages).to.deep.equal([[9]]);
      expect(problem).to.match(says);
    });
  }
});
