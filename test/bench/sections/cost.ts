/** Store requests of the whole cluster, by load and at rest, and what a bucket's owner pays for them. */

import { setTimeout as sleep } from "node:timers/promises";
import { BenchCluster, type StoreRequests } from "../cluster.js";
import { runLoad, type Load, type LoadResult } from "../load.js";
import {
  payloadBytes,
  timing,
  type BenchContext,
  type ListPrices,
  type Section,
} from "../section.js";

const idleSeconds = 10;

export const cost: Section = async (context) => {
  const cluster = await BenchCluster.start();
  const rows = [];
  for (const [name, load] of loads(cluster.leader, context)) {
    const { result, use } = await cluster.observe(() => runLoad(load));
    rows.push(costRow({ load: name, result, requests: use.requests }, context.prices));
  }
  // What the load left to be read is read before rest begins.
  await sleep(1000);
  const idle = await cluster.observe(() => sleep(idleSeconds * 1000));
  await cluster.stop();
  const perHour = 3600 / idleSeconds;
  const { creates, gets, lists } = idle.use.requests;
  const idleDollars = (dollars(idle.use.requests, context.prices) * perHour).toFixed(4);
  const { classA, classB } = context.prices;
  return {
    title: "Store requests of the cluster's three nodes, entries of 1 KiB",
    rows,
    notes: [
      `idle: ${creates * perHour} creates, ${gets * perHour} gets, ${lists * perHour} lists and $${idleDollars}` +
        ` an hour (counted over ${idleSeconds} s at rest)`,
      `list prices: $${classA} for 1,000 creates or lists (class A), $${classB} for 1,000 gets (class B)`,
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

interface Loaded {
  readonly load: string;
  readonly result: LoadResult;
  readonly requests: StoreRequests;
}

/** Requests are counted over warm-up too: only ratios of counts mean something here. */
function costRow({ load, result, requests }: Loaded, prices: ListPrices) {
  const entries = result.entriesInAll;
  const { creates, gets, lists } = requests;
  return {
    load,
    "creates/1,000": (creates * 1000) / entries,
    "gets/1,000": (gets * 1000) / entries,
    "lists/1,000": (lists * 1000) / entries,
    "$/1,000,000": (dollars(requests, prices) * 1e6) / entries,
    "entries/segment": entries / creates,
    "segments/s": creates / result.secondsInAll,
    "entries/s": result.entries / result.seconds,
    "$/hour": (dollars(requests, prices) * 3600) / result.secondsInAll,
  };
}

function dollars({ creates, gets, lists }: StoreRequests, { classA, classB }: ListPrices): number {
  return ((creates + lists) * classA + gets * classB) / 1000;
}
