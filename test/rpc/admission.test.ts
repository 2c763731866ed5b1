import { setImmediate as turn, setTimeout as sleep } from "node:timers/promises";
import { expect } from "chai";

import { SuraftError } from "../../src/errors.js";
import { Admission } from "../../src/rpc/admission.js";
import type { ServerCall } from "../../src/rpc/server-call.js";

const full = new SuraftError("overloaded", "full");
const tooMany = new SuraftError("overloaded", "too many");

describe("Admission", () => {
  /** What became of the calls, in order: their numbers, negative for those refused. */
  let fates: number[] = [];
  let errors = new Set<unknown>();
  let isFull = false;
  /** What has come for each call. */
  let unreadBytes = 0;
  let admission: Admission;

  beforeEach(() => {
    [fates, errors, isFull, unreadBytes] = [[], new Set(), false, 0];
    admission = new Admission();
  });

  function come(count: number): void {
    const admittance = { refusal: () => (isFull ? full : undefined), tooMany };
    for (let number = 1; number <= count; number++) {
      const call: Pick<ServerCall, "resume" | "end" | "unreadBytes"> = {
        get unreadBytes() {
          return unreadBytes;
        },
        resume: () => fates.push(number),
        end: (error) => {
          errors.add(error);
          fates.push(-number);
        },
      };
      admission.admit(call as ServerCall, admittance);
    }
  }

  const numbers = (from: number, to: number): readonly number[] =>
    Array.from({ length: to - from + 1 }, (_, index) => from + index);

  it("lets a call begin at once", () => {
    come(1);
    expect(fates).to.deep.equal([1]);
  });

  it("lets so many begin in a turn, and all in order", async () => {
    come(150);
    expect(fates).to.deep.equal(numbers(1, 64));
    await turn();
    expect(fates).to.deep.equal(numbers(1, 128));
    await turn();
    expect(fates).to.deep.equal(numbers(1, 150));
    await turn();
    come(1);
    expect(fates.at(-1)).to.equal(1);
  });

  it("lets a call begin at once behind a turn that took as many as it can", async () => {
    come(128);
    await turn();
    await sleep(5);
    come(1);
    expect(fates.at(-1)).to.equal(1);
  });

  it("keeps no more bytes than it is bound to, those that came last least", async () => {
    come(64 + 200);
    unreadBytes = 1024 ** 2;
    await turn();
    const ended = fates.slice(64, 64 + 72);
    expect(ended).to.deep.equal(numbers(193, 264).map((number) => -number));
    expect(fates.slice(136)).to.deep.equal(numbers(65, 128));
    expect([...errors]).to.deep.equal([tooMany]);
  });

  it("asks whether there is room when a call's turn comes, and refuses fewer in a turn", async () => {
    come(100);
    isFull = true;
    await turn();
    expect(fates.slice(64)).to.deep.equal(numbers(65, 72).map((number) => -number));
    isFull = false;
    await sleep(5);
    expect(fates.slice(72)).to.deep.equal(numbers(73, 100));
    expect([...errors]).to.deep.equal([full]);
  });

  it("refuses those beyond a bound while others begin, a few to many", async () => {
    come(64 + 4096 + 40);
    expect(fates).to.have.length(64);
    await turn();
    const inTurn = fates.slice(64);
    expect(inTurn.filter((number) => number > 0)).to.deep.equal(numbers(65, 88));
    expect(inTurn.filter((number) => number < 0)).to.deep.equal(
      numbers(4161, 4166).map((number) => -number),
    );
    while (fates.length < 4200) await turn();
    expect(fates.filter((number) => number > 0)).to.deep.equal(numbers(1, 4160));
    expect(fates).to.have.length(4200);
    expect([...errors]).to.deep.equal([tooMany]);
  });

  it("keeps no more than it is bound to", async () => {
    come(64 + 4096 + 4096 + 5);
    expect(fates.slice(64)).to.deep.equal(numbers(8257, 8261).map((number) => -number));
    isFull = true;
    while (fates.length < 8261) await sleep(1);
    expect(new Set(fates.map(Math.abs))).to.have.property("size", 8261);
  });
});
