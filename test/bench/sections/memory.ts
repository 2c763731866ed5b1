/** Memory of each node while a million entries pass through. */

import { setTimeout as sleep } from "node:timers/promises";
import { BenchCluster } from "../cluster.js";
import { entriesPerSecond, runLoad, type LoadResult } from "../load.js";
import { profilePath, type BenchContext, type Section } from "../section.js";
import type { Row } from "../report.js";

const entriesMax = 1_000_000;
const entriesPerAppend = 100;
const sizes = [100];
const longSizes = [100, 1024];
const samplesMax = 8;
const aimMiB = 200;

export const memory: Section = async (context) => {
  const rows: Row[] = [];
  for (const payloadBytes of context.long ? longSizes : sizes)
    rows.push(...(await passMillion(payloadBytes, context)));
  return {
    title: `Memory while 1,000,000 entries pass through, in appends of ${entriesPerAppend}`,
    rows,
    notes: [
      `aim: flat, below ${aimMiB} MiB; the last row of a size: two seconds after the load`,
      "heap and buffers are the leader's",
    ],
  };
};

async function passMillion(payloadBytes: number, context: BenchContext): Promise<readonly Row[]> {
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
    entriesMax,
    warmUpSeconds: 0,
    seconds: 120,
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
): Promise<Row> {
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
function thinned(rows: readonly Row[]): readonly Row[] {
  const step = Math.max(1, Math.ceil(rows.length / samplesMax));
  return rows.filter((_row, index) => index % step === 0 || index === rows.length - 1);
}
