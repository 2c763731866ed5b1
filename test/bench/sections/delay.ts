/** How long after its acknowledgement an entry reaches those who follow another node. */

import { atMost } from "../aim.js";
import { BenchCluster } from "../cluster.js";
import { runLoad, runStoreLoad } from "../load.js";
import { plotColumns } from "../plot.js";
import { payloadBytes, profilePath, timing, type BenchContext, type Section } from "../section.js";

const stores = [
  { name: "directory", parameters: "latency=0" },
  { name: "30 ms", parameters: "latency=30" },
];
const followerCounts = [1, 10, 100];
const appendsPerSecond = 50;
const secondsFactor = 2;

export const delay: Section = async (context) => {
  const rows: DelayRow[] = [];
  for (const store of stores) {
    const cluster = await BenchCluster.start({ storeParameters: store.parameters });
    const getMs = await getP50Ms(store.parameters, context);
    for (const followers of followerCounts) {
      rows.push(await measure(cluster, { store: store.name, getMs, followers, context }));
    }
    await cluster.stop();
  }
  return {
    title:
      "From an acknowledgement at the leader to the delivery by another node, entries of 1 KiB",
    rows,
    aims: rows.map((row) =>
      atMost({
        what: `commit to follower, store: ${row.store}, followers: ${row.followers}, p50`,
        aim: 2,
        unit: "ms more than a get",
        got: row["beyond get"],
      }),
    ),
    notes: [
      `in milliseconds; ${appendsPerSecond} appends a second, one entry each; -: too few samples`,
      "gets an append: by the follower node, however many follow it",
    ],
    plots: [
      plotColumns(
        followerCounts.map((followers) => {
          const of = rows.filter((row) => row.followers === followers);
          return Object.fromEntries([
            ["followers", followers],
            ...of.map((row) => [`store: ${row.store}`, row["delay p50"]]),
          ]);
        }),
        {
          name: "followers",
          title: "From acknowledgement to delivery, p50",
          over: "followers",
          columns: stores.map(({ name }) => `store: ${name}`),
          x: { label: "followers of one node", scale: "log" },
          y: { label: "ms", scale: "linear" },
        },
      ),
    ],
  };
};

type DelayRow = Awaited<ReturnType<typeof measure>>;

interface Measurement {
  readonly store: string;
  readonly getMs: number;
  readonly followers: number;
  readonly context: BenchContext;
}

async function measure(cluster: BenchCluster, { store, getMs, followers, context }: Measurement) {
  const { result, use } = await cluster.observe(
    () =>
      runLoad({
        type: "delay",
        leader: cluster.leader,
        follower: cluster.follower,
        followers,
        appendsPerSecond,
        payloadBytes,
        ...timing({ ...context, seconds: context.seconds * secondsFactor }),
      }),
    profilePath(context, `delay-${store.replaceAll(" ", "-")}-${followers}`),
  );
  const { p50Ms, p99Ms, p999Ms, count } = result.latency;
  const appends = result.entriesInAll / followers;
  return {
    store,
    followers,
    "get p50": getMs,
    "delay p50": p50Ms,
    "delay p99": p99Ms,
    "delay p99.9": p999Ms,
    "beyond get": p50Ms - getMs,
    deliveries: count,
    // Two nodes follow the leader.
    "gets an append": (use.requests.gets - use.leaderRequests.gets) / 2 / appends,
    elections: use.terms,
  };
}

async function getP50Ms(parameters: string, context: BenchContext): Promise<number> {
  const result = await runStoreLoad({
    request: "get",
    parameters,
    bytes: payloadBytes,
    inFlight: 1,
    ...timing(context),
  });
  return result.latency.p50Ms;
}
