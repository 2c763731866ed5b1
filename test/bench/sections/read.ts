/** Catch-up reads of entries of 1 KiB from a follower: from its memory, and from the store. */

import { BenchCluster } from "../cluster.js";
import { megabytesPerSecond, runLoad, type LoadResult } from "../load.js";
import { payloadBytes, type BenchContext, type Section } from "../section.js";

/** Less than a node keeps in memory by default. */
const memoryEntries = 40_960;
/** Far more than a node keeps in memory as configured for the second case. */
const storeEntries = 204_800;
const runs = 3;

export const read: Section = async (context) => {
  const noOp = await reads(context.noOp, memoryEntries);
  const memory = await readsOfCluster({ entries: memoryEntries });
  const store = await readsOfCluster({
    entries: storeEntries,
    config: { cacheBytesMax: 4 * 1024 ** 2 },
  });
  const limit = Math.max(...noOp.map(megabytesPerSecond));
  const row = (from: string, results: readonly LoadResult[]) => {
    const rates = results.map(megabytesPerSecond);
    return {
      from,
      entries: results[0]?.entries ?? 0,
      "first run MB/s": rates[0] ?? 0,
      "best run MB/s": Math.max(...rates),
      "of no-op": Math.max(...rates) / limit,
    };
  };
  return {
    title: `Catch-up reads from a follower, entries of 1 KiB, ${runs} runs`,
    rows: [row("no-op server", noOp), row("memory", memory), row("the store", store)],
    notes: ["the store is a local directory that the system has in memory"],
  };
};

async function readsOfCluster({
  entries,
  config = {},
}: {
  readonly entries: number;
  readonly config?: Readonly<Record<string, unknown>>;
}): Promise<readonly LoadResult[]> {
  const cluster = await BenchCluster.start({ config });
  await runLoad({
    type: "session",
    address: cluster.leader,
    sessions: 1,
    inFlight: 64,
    entriesPerAppend: 100,
    payloadBytes,
    entriesMax: entries,
    warmUpSeconds: 0,
    seconds: 60,
  });
  const results = await reads(cluster.follower, entries);
  await cluster.stop();
  return results;
}

async function reads(
  address: BenchContext["noOp"],
  entries: number,
): Promise<readonly LoadResult[]> {
  const results = [];
  for (let run = 0; run < runs; run++) {
    results.push(await runLoad({ type: "read", address, startIndex: 1, entries }));
  }
  return results;
}
