/**
 * Sessions through the leader, beside a no-op server: entries small and large, one by one and many in
 * an append, by one producer and by many, and each exactly once.
 */

import { atLeast } from "../aim.js";
import { BenchCluster, type ClusterUse } from "../cluster.js";
import {
  entriesPerSecond,
  megabytesPerSecond,
  runLoad,
  type LoadResult,
  type SessionLoad,
} from "../load.js";
import { plotColumns } from "../plot.js";
import { openProducers } from "../producers.js";
import { profilePath, timing, useCells, type BenchContext, type Section } from "../section.js";

interface Shape {
  readonly payloadBytes: number;
  readonly entriesPerAppend: number;
  readonly sessions: number;
  /** Appends of each session. */
  readonly inFlight: number;
  /** A message for each append, as a simple client has it. */
  readonly singly: boolean;
}

const sizes = [128, 1024, 16_384];
const aimedAtBytes = 1024;
const appendBytesMax = 128 * 1024;
/** What is under way in all, 8 MiB at the most where entries are batched. */
const inFlightSingly = 1024;
const inFlightBatched = 64;
const manySingly = 64;
const manyBatched = 16;

function shapes(): readonly Shape[] {
  return sizes.flatMap((payloadBytes) => {
    const entriesPerAppend = Math.min(100, appendBytesMax / payloadBytes);
    const one = (sessions: number, singly: boolean): Shape => ({
      payloadBytes,
      sessions,
      entriesPerAppend: 1,
      inFlight: inFlightSingly / sessions,
      singly,
    });
    const many = (sessions: number): Shape => ({
      payloadBytes,
      sessions,
      entriesPerAppend,
      inFlight: inFlightBatched / sessions,
      singly: false,
    });
    const singly = payloadBytes === aimedAtBytes ? [one(1, true), one(manySingly, true)] : [];
    return [...singly, one(1, false), one(manySingly, false), many(1), many(manyBatched)];
  });
}

interface Measured {
  readonly noOp: LoadResult;
  readonly plain: LoadResult;
  readonly use: ClusterUse;
  readonly exactlyOnce: LoadResult;
}

export const session: Section = async (context) => {
  const cluster = await BenchCluster.start();
  const rows = [];
  for (const shape of shapes()) rows.push(row(shape, await measure(cluster, shape, context)));
  await cluster.stop();
  const batched = rows.filter((cells) => cells["entries/append"] > 1 && cells.producers === 1);
  return {
    title: "AppendSession at the leader, a stream for each producer",
    rows,
    aims: rows
      .filter((cells) => cells["entry bytes"] === aimedAtBytes)
      .flatMap((cells) => {
        const entries = cells["entries/append"];
        const each = cells.message === "each" ? ", a message each" : "";
        const what = `sessions, 1 KiB, ${entries} in an append${each}, producers: ${cells.producers}`;
        const [ofNoOp, ofPlain] = [cells["of no-op"], cells["of plain"]];
        return [
          atLeast({ what, aim: 0.6, unit: "of the no-op session's rate", got: ofNoOp }),
          atLeast({ what, aim: 0.9, unit: "of that if exactly once", got: ofPlain }),
        ];
      }),
    notes: [
      "message: each append is one, as a simple client has it, or several that come together are, as suraft's client",
      "and the no-op's have it too. No-op, plain and exactly once: entries/s; quantiles are of plain appends; CPU is for an entry of them",
      `under way in all: ${inFlightSingly} appends of one entry, ${inFlightBatched} of more`,
    ],
    plots: [
      plotColumns(batched, {
        name: "size",
        title: "A session, batched entries",
        over: "entry bytes",
        columns: ["no-op", "plain", "exactly once"],
        x: { label: "bytes of an entry", scale: "log" },
        y: { label: "entries/s", scale: "log" },
      }),
    ],
  };
};

async function measure(
  cluster: BenchCluster,
  shape: Shape,
  context: BenchContext,
): Promise<Measured> {
  const load = { type: "session", ...shape, entriesMax: 0, ...timing(context) } as const;
  const append = (address: string, producerIds: SessionLoad["producerIds"]): Promise<LoadResult> =>
    runLoad({ ...load, address, ...(producerIds === undefined ? {} : { producerIds }) });
  const { payloadBytes, entriesPerAppend, sessions } = shape;
  const name = `session-${payloadBytes}-${entriesPerAppend}-${sessions}`;
  const profile = profilePath(context, shape.singly ? `${name}-singly` : name);
  const noOp = await append(context.noOp, undefined);
  const plain = await cluster.observe(() => append(cluster.leader, undefined), profile);
  const producers = await openProducers(cluster.leader, sessions);
  const exactlyOnce = await append(
    cluster.leader,
    producers.map((id) => [id]),
  );
  return { noOp, plain: plain.result, use: plain.use, exactlyOnce };
}

function row(shape: Shape, { noOp, plain, use, exactlyOnce }: Measured) {
  const rate = entriesPerSecond(plain);
  return {
    "entry bytes": shape.payloadBytes,
    "entries/append": shape.entriesPerAppend,
    message: shape.singly ? "each" : "several",
    producers: shape.sessions,
    "no-op": entriesPerSecond(noOp),
    plain: rate,
    "of no-op": rate / entriesPerSecond(noOp),
    "MB/s": megabytesPerSecond(plain),
    "exactly once": entriesPerSecond(exactlyOnce),
    "of plain": entriesPerSecond(exactlyOnce) / rate,
    "p50 ms": plain.latency.p50Ms,
    "p99 ms": plain.latency.p99Ms,
    ...useCells(use, plain),
  };
}
