/** How long an append takes over a slow store, beside the create that makes it durable. */

import { atMost } from "../aim.js";
import { BenchCluster } from "../cluster.js";
import { runLoad, runStoreLoad } from "../load.js";
import { plotColumns } from "../plot.js";
import {
  oneByOne,
  payloadBytes,
  profilePath,
  timing,
  type BenchContext,
  type Section,
} from "../section.js";

interface SlowStore {
  readonly name: string;
  /** Of the store's URL. */
  readonly parameters: string;
}

const stores: readonly SlowStore[] = [
  { name: "constant 30 ms", parameters: "latency=30" },
  { name: "p50 50 ms, p99 300 ms", parameters: "latency=50&latencyP99=300" },
];
const inFlights = [1, 10, 1000];
/** A leader's window, as it is by default. */
const createsAtOnceMax = 8;
/** Tails want many samples, and a store that is slow gives few in a second. */
const secondsFactor = 3;
const secondsFactorLong = 30;

export const latency: Section = async (context) => {
  const rows: LatencyRow[] = [];
  for (const store of stores) {
    const cluster = await BenchCluster.start({ storeParameters: store.parameters });
    for (const inFlight of inFlights) {
      rows.push(await measure(cluster, { store, inFlight, context }));
    }
    await cluster.stop();
  }
  return {
    title: "Latency of appends of 1 KiB by a session, over a store with added latency",
    rows,
    aims: rows.flatMap((row) => {
      const load = `append, store of ${row.store}, ${row["in flight"]} in flight`;
      if (row["in flight"] === 1) {
        const got = row["append p50"] - row["create p50"];
        return [atMost({ what: `${load}, p50`, aim: 1.5, unit: "ms more than a create", got })];
      }
      if (row["in flight"] !== 1000) return [];
      return (["p50", "p99"] as const).map((quantile) => {
        const got = row[`append ${quantile}`] / row[`create ${quantile}`];
        return atMost({ what: `${load}, ${quantile}`, aim: 1.3, unit: "of a create's", got });
      });
    }),
    notes: [
      "in milliseconds; -: too few samples to tell",
      `create: of the same store by the client's process, of as many bytes as the leader's segments had, as`,
      `many at once as there were appends, at most ${createsAtOnceMax}, a leader's window`,
    ],
    plots: stores.map(({ name }, number) =>
      plotColumns(
        rows.filter(({ store }) => store === name),
        {
          name: String(number + 1),
          title: `Appends of 1 KiB over a store: ${name}`,
          over: "in flight",
          columns: ["create p50", "create p99", "append p50", "append p99"],
          x: { label: "appends in flight", scale: "log" },
          y: { label: "ms", scale: "log" },
        },
      ),
    ),
  };
};

type LatencyRow = Awaited<ReturnType<typeof measure>>;

interface Measurement {
  readonly store: SlowStore;
  readonly inFlight: number;
  readonly context: BenchContext;
}

async function measure(cluster: BenchCluster, { store, inFlight, context }: Measurement) {
  const factor = context.long ? secondsFactorLong : secondsFactor;
  const times = timing({ ...context, seconds: context.seconds * factor });
  const profile = `${store.parameters.replaceAll(/\W/g, "-")}-${inFlight}`;
  const { result, use } = await cluster.observe(
    () => runLoad({ ...oneByOne(cluster.leader, inFlight), ...times }),
    profilePath(context, profile),
  );
  const entriesPerSegment = result.entriesInAll / use.requests.creates;
  const create = await runStoreLoad({
    request: "create",
    parameters: store.parameters,
    bytes: Math.round(payloadBytes * entriesPerSegment),
    inFlight: Math.min(inFlight, createsAtOnceMax),
    ...times,
  });
  return {
    store: store.name,
    "in flight": inFlight,
    "create p50": create.latency.p50Ms,
    "create p99": create.latency.p99Ms,
    "create p99.9": create.latency.p999Ms,
    "append p50": result.latency.p50Ms,
    "append p99": result.latency.p99Ms,
    "append p99.9": result.latency.p999Ms,
    appends: result.latency.count,
    "entries/segment": entriesPerSegment,
    "loop p99": use.leader.delayP99Ms,
    elections: use.terms,
  };
}
