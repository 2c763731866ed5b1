import { getEventListeners } from "node:events";
import { expect } from "chai";

import { joinSignals } from "../../src/store/abort.js";

describe("joined signals", () => {
  it("are aborted as the first of them is, with its reason", () => {
    const [a, b] = [new AbortController(), new AbortController()];
    const { signal } = joinSignals([a.signal, b.signal]);
    expect(signal.aborted).to.equal(false);
    const reason = new Error("enough");
    b.abort(reason);
    a.abort(new Error("too late"));
    expect(signal.reason).to.equal(reason);
  });

  it("are aborted at once where one of them was", () => {
    const reason = new Error("before");
    const { signal } = joinSignals([new AbortController().signal, AbortSignal.abort(reason)]);
    expect(signal.reason).to.equal(reason);
  });

  it("leave no listener behind", () => {
    const long = new AbortController();
    for (let i = 0; i < 100; i++) joinSignals([long.signal, new AbortController().signal]).leave();
    expect(getEventListeners(long.signal, "abort")).to.have.lengthOf(0);
    const { signal, leave } = joinSignals([long.signal]);
    leave();
    long.abort();
    expect(signal.aborted).to.equal(false);
  });
});
