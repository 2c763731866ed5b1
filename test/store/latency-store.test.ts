import { expect } from "chai";

import { LatencyStore, drawLatencyMs } from "../../src/store/latency-store.js";
import { MemoryObjects, MemoryStore } from "../../src/store/memory-store.js";
import { openStore } from "../../src/store/open-store.js";
import { describeStore } from "./conformance.js";
import { expectKind, signal, text } from "./expectations.js";
import { seededRandom } from "./fault-proxy.js";

let stores = 0;

describeStore(
  "memory with latency",
  () => {
    stores += 1;
    const url = `memory:latency-${stores}?latency=1&latencyP99=4`;
    return Promise.resolve({ open: () => openStore(url), close: () => Promise.resolve() });
  },
  { acrossProcesses: false },
);

const bytes = Buffer.from("bytes");

describe("latency", () => {
  it("is added to each request", async () => {
    const store = openStore("memory:?latency=20");
    const requests = [
      () => store.create("a", bytes, { signal }),
      () => store.get("a", { signal }),
      () => store.list({ prefix: "", limit: 1, signal }),
      () => store.delete("a", { signal }),
    ];
    for (const request of requests) {
      const began = performance.now();
      await request();
      // Timers are of whole milliseconds, and may come a fraction early.
      expect(performance.now() - began).to.be.at.least(19);
    }
  });

  it("passes half before the request takes effect and half after it", async () => {
    const objects = new MemoryObjects();
    const latency = { medianMs: 400, p99Ms: 400 };
    const slow = new LatencyStore(new MemoryStore("memory:", objects), latency);
    const quick = new MemoryStore("memory:", objects);
    const controller = new AbortController();
    const began = performance.now();
    const creating = slow.create("a", bytes, { signal: controller.signal });
    while ((await text(quick, "a")) === "absent");
    expect(performance.now() - began).to.be.at.least(199);
    // Stored, yet nobody was told.
    controller.abort(new Error("enough"));
    expect(await creating).to.deep.equal({ type: "unknown", cause: "enough" });
  });

  it("refuses a create that is aborted before it takes effect", async () => {
    const objects = new MemoryObjects();
    const latency = { medianMs: 10_000, p99Ms: 10_000 };
    const slow = new LatencyStore(new MemoryStore("memory:", objects), latency);
    const controller = new AbortController();
    const creating = slow.create("a", bytes, { signal: controller.signal });
    const getting = expectKind("unavailable", () => slow.get("a", controller));
    controller.abort(new Error("enough"));
    expect(await creating).to.deep.equal({ type: "refused", cause: "enough" });
    await getting;
    expect(objects.get("a", undefined)).to.deep.equal({ type: "absent" });
  });

  it("varies with the median and the 99th percentile that it is given", () => {
    const random = seededRandom(7);
    const latency = { medianMs: 50, p99Ms: 300 };
    const drawn = Array.from({ length: 20_000 }, () => drawLatencyMs(latency, random));
    drawn.sort((a, b) => a - b);
    expect(drawn[10_000]).to.be.within(48, 52);
    expect(drawn[19_800]).to.be.within(270, 330);
  });
});
