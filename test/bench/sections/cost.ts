/** Store requests of the whole cluster, by load and at rest: what a bucket's owner pays for. */

import { setTimeout as sleep } from "node:timers/promises";
import { BenchCluster, type ClusterUse } from "../cluster.js";
import { runLoad, type Load, type LoadResult } from "../load.js";
import { payloadBytes, timing, type BenchContext, type Section } from "../section.js";

const idleSeconds = 10;

export const cost: Section = async (context) => {
  const cluster = await BenchCluster.start();
  const rows = [];
  for (const [name, load] of loads(cluster.leader, context)) {
    const { result, use } = await cluster.observe(() => runLoad(load));
    rows.push(costRow(name, result, use));
  }
  // What the load left to be read is read before rest begins.
  await sleep(1000);
  const idle = await cluster.observe(() => sleep(idleSeconds * 1000));
  await cluster.stop();
  const perHour = 3600 / idleSeconds;
  const { creates, gets, lists } = idle.use.requests;
  return {
    title: "Store requests of the cluster's three nodes, entries of 1 KiB",
    rows,
    notes: [
      `idle: ${creates * perHour} creates, ${gets * perHour} gets, ${lists * perHour} lists an hour` +
        ` (counted over ${idleSeconds} s at rest)`,
      "gets: each follower reads each segment once",
    ],
  };
};

function loads(address: string, context: BenchContext): readonly (readonly [string, Load])[] {
  const unary = (inFlight: number): Load => ({
    type: "unary",
    address,
    inFlight,
    payloadBytes,
    ...timing(context),
  });
  const session = (sessions: number, inFlight: number, entriesPerAppend: number): Load => ({
    type: "session",
    address,
    sessions,
    inFlight,
    entriesPerAppend,
    payloadBytes,
    entriesMax: 0,
    ...timing(context),
  });
  return [
    ["unary, 1 in flight", unary(1)],
    ["unary, 64 in flight", unary(64)],
    ["session, 64 in flight", session(1, 64, 1)],
    ["session, 1,024 in flight", session(1, 1024, 1)],
    ["64 sessions, 16 in flight each", session(64, 16, 1)],
    ["session, 64 appends of 100 entries", session(1, 64, 100)],
  ];
}

/** Requests are counted over warm-up too: only ratios of counts mean something here. */
function costRow(load: string, result: LoadResult, { requests, terms }: ClusterUse) {
  const entries = result.entriesInAll;
  const { creates, gets, lists } = requests;
  return {
    load,
    "creates/1,000": (creates * 1000) / entries,
    "gets/1,000": (gets * 1000) / entries,
    "lists/1,000": (lists * 1000) / entries,
    "entries/segment": entries / creates,
    "segments/s": creates / result.secondsInAll,
    "entries/s": result.entries / result.seconds,
    elections: terms,
  };
}
