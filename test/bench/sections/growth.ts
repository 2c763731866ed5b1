/** How rates change with what may grow: nodes, members, producers, entries' sizes, the log's length. */

import { atMost, type Aim } from "../aim.js";
import { BenchCluster } from "../cluster.js";
import { entriesPerSecond, megabytesPerSecond, runLoad, type SessionLoad } from "../load.js";
import { plotColumns, type Plot } from "../plot.js";
import { openProducers } from "../producers.js";
import {
  oneByOne,
  profilePath,
  timing,
  useCells,
  type BenchContext,
  type Section,
} from "../section.js";

/** The load of all curves, but for what a curve is about. */
const inFlight = 1024;
const appendBytesMax = 128 * 1024;
const inFlightBatched = 64;

/** How much more of the leader's CPU an entry may take from one point of a curve to the next. */
const stepMax = 1.5;
const loopDelayMsMax = 20;

interface Curve {
  readonly name: string;
  readonly points: readonly number[];
  /** Points that take a minute and more. */
  readonly longPoints?: readonly number[];
  /** Of the last cluster, if it serves for the next point too. */
  readonly cluster: (at: number, last: BenchCluster | undefined) => Promise<BenchCluster>;
  readonly load?: (at: number, leader: string) => Promise<Partial<SessionLoad>>;
  /** An entry's cost grows with it, as it must. */
  readonly grows?: true;
}

const curves: readonly Curve[] = [
  {
    name: "nodes",
    points: [1, 3, 5],
    cluster: async (nodeCount, last) => {
      await last?.stop();
      return await BenchCluster.start({ nodeCount });
    },
  },
  {
    name: "members",
    points: [3, 6, 12],
    cluster: async (members, last) => {
      const cluster = last ?? (await BenchCluster.start());
      await cluster.addLearners(members - cluster.membersCount);
      return cluster;
    },
  },
  {
    name: "producers",
    points: [1, 100, 10_000],
    longPoints: [100_000],
    cluster: async (_producers, last) => last ?? (await BenchCluster.start()),
    load: async (count, leader) => ({ producerIds: [await openProducers(leader, count)] }),
  },
  {
    name: "bytes",
    points: [16, 128, 1024, 8_192, 65_536, 524_288],
    cluster: async (_bytes, last) => last ?? (await BenchCluster.start()),
    load: (size) => {
      const entriesPerAppend = Math.max(1, Math.min(100, Math.floor(appendBytesMax / size)));
      return Promise.resolve({ payloadBytes: size, entriesPerAppend, inFlight: inFlightBatched });
    },
    grows: true,
  },
  {
    name: "segments",
    points: [1_000, 10_000, 100_000],
    longPoints: [1_000_000],
    cluster: async (segments, last) => {
      await last?.stop();
      return await BenchCluster.start({ log: { segments, kept: true } });
    },
  },
];

export const growth: Section = async (context) => {
  const rows: GrowthRow[] = [];
  for (const curve of curves) rows.push(...(await measureCurve(curve, context)));
  const of = (curve: Curve): readonly GrowthRow[] => rows.filter((row) => row.over === curve.name);
  return {
    title: "How rates change with what grows: a session at the leader, entries of 1 KiB one by one",
    rows,
    aims: [
      ...curves.filter(({ grows }) => grows !== true).map((curve) => stepAim(curve, of(curve))),
      atMost({
        what: "event-loop delay at full load, p99, worst",
        aim: loopDelayMsMax,
        unit: "ms",
        got: Math.max(...rows.map((row) => row["loop p99 ms"])),
      }),
      atMost({
        what: "full load",
        aim: 0,
        unit: "elections",
        got: rows.reduce((sum, { elections }) => sum + elections, 0),
      }),
    ],
    notes: [
      "CPU is for an entry; nodes share these cores, so that more of them leave less for the leader",
      "members: three voters, and learners that follow, all of them in one process",
      "producers: they take turns on one stream, each append exactly once",
      `bytes: of an entry, appends of up to 100 or ${appendBytesMax / 1024} KiB, ${inFlightBatched} in flight`,
      "segments: that stand before in the log, archived but for the last; one node, in memory",
    ],
    plots: curves.map((curve) => plot(curve, of(curve))),
  };
};

type GrowthRow = Awaited<ReturnType<typeof measure>>;

async function measureCurve(curve: Curve, context: BenchContext): Promise<readonly GrowthRow[]> {
  const { points, longPoints = [] } = curve;
  const rows = [];
  let cluster: BenchCluster | undefined;
  for (const at of context.long ? [...points, ...longPoints] : points) {
    cluster = await curve.cluster(at, cluster);
    rows.push(await measure(cluster, curve, { at, context }));
  }
  await cluster?.stop();
  return rows;
}

async function measure(
  cluster: BenchCluster,
  { name, load }: Curve,
  { at, context }: { readonly at: number; readonly context: BenchContext },
) {
  const special = await load?.(at, cluster.leader);
  const { result, use } = await cluster.observe(
    () => runLoad({ ...oneByOne(cluster.leader, inFlight), ...timing(context), ...special }),
    profilePath(context, `growth-${name}-${at}`),
  );
  return {
    over: name,
    at,
    "entries/s": entriesPerSecond(result),
    "MB/s": megabytesPerSecond(result),
    "p50 ms": result.latency.p50Ms,
    "p99 ms": result.latency.p99Ms,
    ...useCells(use, result),
    "leader RSS MiB": Math.round(use.leader.rssMiB),
  };
}

/** By the leader's CPU, which says less of who else uses the cores than a rate does. */
function stepAim({ name }: Curve, rows: readonly GrowthRow[]): Aim {
  const costs = rows.map((row) => row["leader CPU µs"]);
  const steps = costs.slice(1).map((cost, index) => cost / (costs[index] ?? NaN));
  return atMost({
    what: `more ${name}, greatest step`,
    aim: stepMax,
    unit: "times the leader's CPU for an entry",
    got: Math.max(...steps),
  });
}

function plot({ name }: Curve, rows: readonly GrowthRow[]): Plot {
  return plotColumns(rows, {
    name,
    title: `Entries a second, by ${name}`,
    over: "at",
    columns: ["entries/s"],
    x: { label: name, scale: "log" },
    y: { label: "entries/s", scale: name === "bytes" ? "log" : "linear" },
  });
}
