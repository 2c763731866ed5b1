/** Rivals settle names under faults drawn at random: one winner each. */

import { expect } from "chai";

import { withDeadline } from "../../src/store/abort.js";
import { openStore } from "../../src/store/open-store.js";
import { settle } from "../../src/store/settle.js";
import type { Settled } from "../../src/store/settle.js";
import type { Store } from "../../src/store/store.js";
import { text } from "./expectations.js";
import { everyFault, seeded } from "./fault-proxy.js";
import { quick } from "./gcs-context.js";
import type { Context } from "./gcs-context.js";

const rivals = 4;
const contested = 150;

export function describeChaos({ fixture, proxy }: Context): void {
  const over = new AbortController();

  after(() => over.abort());

  it("has one winner per name under thousands of faults, with rivals", async () => {
    const faults = () => [...proxy().counts].filter(([type]) => type !== "pass");
    const before = sum(faults());
    proxy().source = seeded({ seed: 20_261_121, rate: 0.7, faults: everyFault });
    const url = `gs://${fixture().bucket}/chaos?apiEndpoint=${proxy().endpoint}`;
    const names = Array.from({ length: contested }, (_, n) => `log/${String(n).padStart(20, "0")}`);
    const stores = Array.from({ length: rivals }, () => openStore(url));
    const outcomes = await Promise.all(
      stores.map((store, n) => contest(store, { content: `rival ${n}`, names, over: over.signal })),
    );
    await proxy().quiet();
    const final = openStore(`gs://${fixture().bucket}/chaos?apiEndpoint=${fixture().endpoint}`);
    for (const name of names) {
      const winner = await text(final, name);
      const beliefs = outcomes.map((outcome) => outcome.get(name));
      expect(beliefs, name).to.deep.equal(Array(rivals).fill(winner));
      expect(fixture().createdCount?.(`chaos/${name}`) ?? 1, name).to.equal(1);
    }
    // Timing decides how many tries a name takes: some 2,500 faults in all.
    expect(sum(faults()) - before).to.be.greaterThan(1500);
    expect(faults()).to.have.length.at.least(new Set(everyFault.map(({ type }) => type)).size);
    await Promise.all([final, ...stores].map((each) => each.close()));
  }).timeout(120_000);
}

/** Settles every name, eight at once; who holds each, as this rival learned. */
async function contest(
  store: Store,
  options: {
    readonly content: string;
    readonly names: readonly string[];
    readonly over: AbortSignal;
  },
): Promise<ReadonlyMap<string, string>> {
  const { content, names, over } = options;
  const holders = new Map<string, string>();
  const left = [...names];
  const work = async () => {
    for (let name = left.shift(); name !== undefined; name = left.shift()) {
      for (let round = 0; !holders.has(name) && !over.aborted; round++) {
        const settled = await contestOnce(store, name, content, { over, round });
        if (settled?.type === "mine") holders.set(name, content);
        if (settled?.type === "theirs") holders.set(name, Buffer.from(settled.bytes).toString());
      }
    }
  };
  await Promise.all(Array.from({ length: 8 }, work));
  return holders;
}

/** Undefined if reading back met a fault that looks final. */
function contestOnce(
  store: Store,
  name: string,
  content: string,
  { over, round }: { readonly over: AbortSignal; readonly round: number },
): Promise<Settled | undefined> {
  // On a busy machine a first deadline may be too short for anything to be answered.
  const requestMsMax = 150 * 2 ** Math.min(round, 5);
  return withDeadline(over, 10 * requestMsMax, (deadline) =>
    settle(store, name, Buffer.from(content), { signal: deadline, ...quick, requestMsMax }),
  ).catch(() => undefined);
}

function sum(counts: readonly (readonly [string, number])[]): number {
  return counts.reduce((total, [, count]) => total + count, 0);
}
