import { expect } from "chai";
import { isLinearizable, type Held, type RegisterOperation } from "./register-check.js";

const done = { type: "done" } as const;
const unknown = { type: "unknown" } as const;

function read(found: Held, beganMs: number, endedMs: number): RegisterOperation {
  return { type: "read", found, beganMs, endedMs };
}

function write(value: Held, beganMs: number, endedMs: number): RegisterOperation {
  return { type: "write", value, outcome: done, beganMs, endedMs };
}

describe("the check of a register's history", () => {
  it("takes what one after another may be", () => {
    expect(isLinearizable([])).to.equal(true);
    expect(isLinearizable([read(undefined, 0, 1), write("a", 2, 3), read("a", 4, 5)])).to.equal(
      true,
    );
    const removed = [write("a", 0, 1), write(undefined, 2, 3), read(undefined, 4, 5)];
    expect(isLinearizable(removed)).to.equal(true);
  });

  it("takes either order of what overlaps", () => {
    expect(isLinearizable([write("a", 0, 9), read(undefined, 1, 2), read("a", 3, 4)])).to.equal(
      true,
    );
    expect(isLinearizable([write("a", 0, 9), write("b", 0, 9), read("a", 10, 11)])).to.equal(true);
  });

  it("refuses a stale read, a value from nowhere, and one that comes back", () => {
    expect(isLinearizable([write("a", 0, 1), read(undefined, 2, 3)])).to.equal(false);
    expect(isLinearizable([read("a", 0, 1)])).to.equal(false);
    const back = [write("a", 0, 9), read("a", 1, 2), read(undefined, 3, 4)];
    expect(isLinearizable(back)).to.equal(false);
    const twice = [write("a", 0, 1), write("b", 2, 3), read("b", 4, 5), read("a", 6, 7)];
    expect(isLinearizable(twice)).to.equal(false);
  });

  it("refuses two that both won against one value", () => {
    const wins = (value: string): RegisterOperation => ({
      type: "write",
      value,
      condition: { held: undefined },
      outcome: done,
      beganMs: 0,
      endedMs: 9,
    });
    expect(isLinearizable([wins("a")])).to.equal(true);
    expect(isLinearizable([wins("a"), wins("b")])).to.equal(false);
  });

  it("refuses a conflict that names what the register never held, or that was none", () => {
    const conflict = (found: Held): RegisterOperation => ({
      type: "write",
      value: "x",
      condition: { held: "a" },
      outcome: { type: "conflict", found },
      beganMs: 4,
      endedMs: 5,
    });
    expect(isLinearizable([write("b", 0, 1), conflict("b")])).to.equal(true);
    expect(isLinearizable([write("b", 0, 1), conflict("c")])).to.equal(false);
    expect(isLinearizable([write("a", 0, 1), conflict("a")])).to.equal(false);
  });

  it("lets an unknown outcome come late, or never, but not before it began", () => {
    const open: RegisterOperation = {
      type: "write",
      value: "a",
      outcome: unknown,
      beganMs: 5,
      endedMs: Number.POSITIVE_INFINITY,
    };
    expect(isLinearizable([open, read(undefined, 6, 7)])).to.equal(true);
    expect(isLinearizable([open, read(undefined, 6, 7), read("a", 8, 9)])).to.equal(true);
    expect(isLinearizable([open, read("a", 6, 7), read(undefined, 8, 9)])).to.equal(false);
    expect(isLinearizable([open, read("a", 1, 2)])).to.equal(false);
  });
});
