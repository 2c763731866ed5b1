/** Sessions with entries of 1 KiB through the leader, beside a no-op server. */

import { BenchCluster } from "../cluster.js";
import { entriesPerSecond, megabytesPerSecond, runLoad, type LoadResult } from "../load.js";
import { payloadBytes, profilePath, timing, useCells, type Section } from "../section.js";

const shapes = [
  { entriesPerAppend: 1, inFlight: 1 },
  { entriesPerAppend: 1, inFlight: 64 },
  { entriesPerAppend: 1, inFlight: 1024 },
  { entriesPerAppend: 16, inFlight: 64 },
  { entriesPerAppend: 100, inFlight: 64 },
];

export const session: Section = async (context) => {
  const cluster = await BenchCluster.start();
  const rows = [];
  for (const shape of shapes) {
    const append = (address: string): Promise<LoadResult> =>
      runLoad({
        type: "session",
        address,
        sessions: 1,
        ...shape,
        payloadBytes,
        entriesMax: 0,
        ...timing(context),
      });
    const noOp = await append(context.noOp);
    const { result, use } = await cluster.observe(
      () => append(cluster.leader),
      profilePath(context, `session-${shape.entriesPerAppend}-${shape.inFlight}`),
    );
    rows.push({
      "entries/append": shape.entriesPerAppend,
      "appends in flight": shape.inFlight,
      "no-op entries/s": entriesPerSecond(noOp),
      "leader entries/s": entriesPerSecond(result),
      "of no-op": entriesPerSecond(result) / entriesPerSecond(noOp),
      "MB/s": megabytesPerSecond(result),
      "p50 ms": result.latency.p50Ms,
      "p99 ms": result.latency.p99Ms,
      ...useCells(use, result),
    });
  }
  await cluster.stop();
  return {
    title: "AppendSession, entries of 1 KiB, one stream",
    rows,
    notes: [
      "CPU is for an entry",
      "aim: a third of the no-op server's rate or better with many in flight",
    ],
  };
};
