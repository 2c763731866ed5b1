/** What a linearizable read costs in store requests: at rest and under writes, for one and for many. */

import { setTimeout as sleep } from "node:timers/promises";
import { BenchCluster } from "../cluster.js";
import { runBeside, runLoad, type Load } from "../load.js";
import { payloadBytes, type Section } from "../section.js";
import type { Row } from "../report.js";

const latencyMs = 30;
const rounds = 10;

export const proofs: Section = async () => {
  const cluster = await BenchCluster.start({ storeParameters: `latency=${latencyMs}` });
  // What a leader has in its own epoch, everybody has read.
  await write(cluster, 100);
  const rows: Row[] = [];
  for (const [at, address] of [
    ["the leader", cluster.leader],
    ["a follower", cluster.follower],
  ] as const) {
    for (const atOnce of [1, 1000])
      rows.push(await row(cluster, { at, address, atOnce, writes: false }));
    rows.push(await row(cluster, { at, address, atOnce: 1000, writes: true }));
  }
  await cluster.stop();
  return {
    title: `Linearizable reads (GetTail), ${rounds} rounds, over a store with ${latencyMs} ms added`,
    rows,
    notes: [
      "looks: gets of all three nodes; under writes of the leader, which proves its followers' reads, too",
      "reads that come while a look is under way share the next one",
      "under writes: 16 sessions write meanwhile, and the next create is the proof; looks are of moments",
      "at which no append was under way",
    ],
  };
};

interface Reading {
  readonly at: string;
  readonly address: string;
  readonly atOnce: number;
  readonly writes: boolean;
}

async function row(cluster: BenchCluster, reading: Reading): Promise<Row> {
  const { at, address, atOnce, writes } = reading;
  const { result, use } = await cluster.observe(async () => {
    if (!writes) return await runLoad({ type: "tail", address, atOnce, rounds });
    const before = await cluster.tailIndex();
    const stop = runBeside(session(cluster, { entriesMax: 0, seconds: 120 }));
    while ((await cluster.tailIndex()) < before + 10) await sleep(20);
    const read = await runLoad({ type: "tail", address, atOnce, rounds });
    await stop();
    return read;
  });
  // Under writes followers get what was written, to serve it from memory; a leader only looks.
  const looks = writes ? use.leaderRequests.gets : use.requests.gets;
  return {
    at,
    when: writes ? "under writes" : "at rest",
    "reads at once": atOnce,
    "reads in all": result.entriesInAll,
    looks,
    "looks a read": looks / result.entriesInAll,
    "p50 ms": result.latency.p50Ms,
    "p99 ms": result.latency.p99Ms,
  };
}

async function write(cluster: BenchCluster, entriesMax: number): Promise<void> {
  await runLoad(session(cluster, { entriesMax, seconds: 60 }));
}

function session(
  cluster: BenchCluster,
  bounds: { readonly entriesMax: number; readonly seconds: number },
): Load {
  return {
    type: "session",
    address: cluster.leader,
    sessions: 16,
    inFlight: 16,
    entriesPerAppend: 1,
    payloadBytes,
    warmUpSeconds: 0,
    ...bounds,
  };
}
