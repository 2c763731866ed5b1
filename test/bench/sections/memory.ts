/** Memory of each node while a million entries pass through, or ten. */

import { setTimeout as sleep } from "node:timers/promises";
import { atMost } from "../aim.js";
import { BenchCluster } from "../cluster.js";
import { entriesPerSecond, runLoad, type LoadResult } from "../load.js";
import { plotColumns } from "../plot.js";
import { profilePath, type BenchContext, type Section } from "../section.js";

const entriesMax = 1_000_000;
const longEntriesMax = 10_000_000;
const entriesPerAppend = 100;
const sizes = [100];
const longSizes = [100, 1024];
const samplesMax = 8;
const aimMiB = 200;

export const memory: Section = async (context) => {
  const count = context.long ? longEntriesMax : entriesMax;
  const rows = [];
  for (const payloadBytes of context.long ? longSizes : sizes) {
    rows.push(...(await pass(count, payloadBytes, context)));
  }
  return {
    title: `Memory while ${count.toLocaleString("en")} entries pass through, in appends of ${entriesPerAppend}`,
    rows,
    aims: [
      atMost({
        what: "memory of any node, at any time",
        aim: aimMiB,
        unit: "MiB",
        got: Math.max(...rows.map((row) => row["max so far"])),
      }),
    ],
    notes: [
      "the last row of a size: two seconds after the load",
      "heap and buffers are the leader's",
    ],
    plots: [
      plotColumns(rows, {
        name: "time",
        title: "Memory of the leader and of a follower under load",
        over: "after s",
        columns: ["leader RSS MiB", "follower RSS MiB"],
        x: { label: "seconds", scale: "linear" },
        y: { label: "MiB", scale: "linear" },
      }),
    ],
  };
};

type Sample = Awaited<ReturnType<typeof sample>>;

async function pass(
  count: number,
  payloadBytes: number,
  context: BenchContext,
): Promise<readonly Sample[]> {
  const cluster = await BenchCluster.start();
  const samples = [await sample(cluster, payloadBytes, { afterSeconds: 0, loaded: "" })];
  const startedMs = performance.now();
  const elapsed = (): number => (performance.now() - startedMs) / 1000;
  const load = runLoad({
    type: "session",
    address: cluster.leader,
    sessions: 1,
    inFlight: 64,
    entriesPerAppend,
    payloadBytes,
    entriesMax: count,
    warmUpSeconds: 0,
    seconds: 600,
  });
  const ended = load.then(() => true);
  const { result } = await cluster.observe(
    async (): Promise<LoadResult> => {
      while (!(await Promise.race([ended, sleep(1000, false)]))) {
        samples.push(await sample(cluster, payloadBytes, { afterSeconds: elapsed(), loaded: "" }));
      }
      return await load;
    },
    profilePath(context, `memory-${payloadBytes}`),
  );
  await sleep(2000);
  const rate = `${Math.round(entriesPerSecond(result)).toLocaleString("en")} entries/s`;
  const last = await sample(cluster, payloadBytes, { afterSeconds: elapsed(), loaded: rate });
  await cluster.stop();
  return [...thinned(samples), last];
}

async function sample(
  cluster: BenchCluster,
  payloadBytes: number,
  { afterSeconds, loaded }: { readonly afterSeconds: number; readonly loaded: string },
) {
  const processes = await cluster.processes();
  const [leader, ...followers] = processes.map((use) => Math.round(use.rssMiB));
  return {
    "entry bytes": payloadBytes,
    "after s": Math.round(afterSeconds * 10) / 10,
    "leader RSS MiB": leader ?? 0,
    "follower RSS MiB": Math.max(...followers),
    "max so far": Math.max(...processes.map(({ rssMaxMiB }) => Math.round(rssMaxMiB))),
    heap: Math.round(processes[0]?.heapMiB ?? 0),
    buffers: Math.round(processes[0]?.buffersMiB ?? 0),
    load: loaded,
  };
}

/** The first and the last, and so many between as fit on a screen. */
function thinned(rows: readonly Sample[]): readonly Sample[] {
  const step = Math.max(1, Math.ceil(rows.length / samplesMax));
  return rows.filter((_row, index) => index % step === 0 || index === rows.length - 1);
}
