/** Catch-up reads of entries of 1 KiB: from a node's memory, from a slow store, from archives. */

import { atLeast } from "../aim.js";
import { BenchCluster, type ClusterOptions } from "../cluster.js";
import { megabytesPerSecond, runLoad } from "../load.js";
import { plotColumns } from "../plot.js";
import { payloadBytes, profilePath, type BenchContext, type Section } from "../section.js";

/** Less than a node keeps in memory by default. */
const memoryEntries = 8_192;
const readersAtOnce = [1, 10, 100];
/** One reader is soon done with what is there. */
const runsAlone = 5;
const runsOfMany = 2;

/** Far more than a node keeps in memory. */
const storeMiB = 128;
const latencyMs = 30;
const storeRuns = 2;
const segmentKiBs = [1024, 16];

export const read: Section = async (context) => {
  const rows = [...(await readMemory(context)), ...(await readStore(context))];
  return {
    title: "Catch-up reads, entries of 1 KiB",
    rows,
    aims: rows.map(({ from, readers, ...row }) => {
      const what = `catch-up from ${from}, readers: ${readers}`;
      const ofNoOp = row["of no-op"];
      return typeof ofNoOp === "number"
        ? atLeast({ what, aim: 0.7, unit: "of a no-op stream", got: ofNoOp })
        : atLeast({ what, aim: 200, unit: "MB/s", got: row["best MB/s"] });
    }),
    notes: [
      "MB/s: of all readers together, in one client process; the best of a few runs",
      `store and archives: ${storeMiB} MiB by a node that has just started, ${latencyMs} ms added to each request`,
    ],
    plots: [
      plotColumns(
        rows
          .filter(({ from }) => from === "memory")
          .map(({ readers, ...row }) => ({
            readers,
            memory: row["best MB/s"],
            "no-op": row["no-op MB/s"],
          })),
        {
          name: "readers",
          title: "Catch-up reads from a node's memory",
          over: "readers",
          columns: ["no-op", "memory"],
          x: { label: "readers at once", scale: "log" },
          y: { label: "MB/s", scale: "linear" },
        },
      ),
    ],
  };
};

/** Rates in MB/s of some runs, the first one first. */
async function rates(
  address: string,
  { readers, entries, runs }: { readers: number; entries: number; runs: number },
): Promise<readonly number[]> {
  const found = [];
  for (let run = 0; run < runs; run++) {
    const result = await runLoad({ type: "read", address, readers, startIndex: 1, entries });
    found.push(megabytesPerSecond(result));
  }
  return found;
}

async function readMemory(context: BenchContext) {
  const cluster = await BenchCluster.start();
  await runLoad({
    type: "session",
    address: cluster.leader,
    sessions: 1,
    inFlight: 64,
    entriesPerAppend: 64,
    payloadBytes,
    entriesMax: memoryEntries,
    warmUpSeconds: 0,
    seconds: 60,
  });
  const rows = [];
  for (const readers of readersAtOnce) {
    const runs = readers === 1 ? runsAlone : runsOfMany;
    const options = { readers, runs, entries: memoryEntries / Math.max(1, readers / 25) };
    const noOp = Math.max(...(await rates(context.noOp, options)));
    const { result } = await cluster.observe(
      () => rates(cluster.follower, options),
      profilePath(context, `read-memory-${readers}`),
    );
    rows.push(row({ from: "memory", readers }, result, noOp));
  }
  await cluster.stop();
  return rows;
}

async function readStore(context: BenchContext) {
  const rows = [];
  for (const kept of [false, true]) {
    for (const segmentKiB of segmentKiBs) {
      const segments = (storeMiB * 1024) / segmentKiB;
      const log = { segments, kept, entriesPerSegment: segmentKiB, payloadBytes, rawSegments: 1 };
      const options: ClusterOptions = { log, storeParameters: `latency=${latencyMs}` };
      const cluster = await BenchCluster.start(options);
      // The first segment is a claim.
      const entries = (segments - 1) * segmentKiB;
      const { result } = await cluster.observe(
        () => rates(cluster.leader, { readers: 1, entries, runs: storeRuns }),
        profilePath(context, `read-${kept ? "archives" : "store"}-${segmentKiB}`),
      );
      await cluster.stop();
      const from = `${kept ? "archives" : "the store"}, segments of ${segmentKiB} KiB`;
      rows.push(row({ from, readers: 1 }, result, undefined));
    }
  }
  return rows;
}

function row(
  of: { readonly from: string; readonly readers: number },
  found: readonly number[],
  noOp: number | undefined,
) {
  const best = Math.max(...found);
  return {
    ...of,
    "first run MB/s": found[0] ?? NaN,
    "best MB/s": best,
    "no-op MB/s": noOp ?? "",
    "of no-op": noOp === undefined ? "" : best / noOp,
  };
}
