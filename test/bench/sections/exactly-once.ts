/** What it costs that each append of a session is made exactly once. */

import { BenchCluster } from "../cluster.js";
import { entriesPerSecond, runLoad, type LoadResult } from "../load.js";
import { payloadBytes, profilePath, timing, useCells, type Section } from "../section.js";

const shapes = [
  { entriesPerAppend: 1, inFlight: 1 },
  { entriesPerAppend: 1, inFlight: 1024 },
  { entriesPerAppend: 16, inFlight: 64 },
  { entriesPerAppend: 100, inFlight: 64 },
];

export const exactlyOnce: Section = async (context) => {
  const cluster = await BenchCluster.start();
  const rows = [];
  for (const shape of shapes) {
    const append = (numbered: boolean) =>
      cluster.observe(
        (): Promise<LoadResult> =>
          runLoad({
            type: "session",
            address: cluster.leader,
            sessions: 1,
            ...shape,
            payloadBytes,
            entriesMax: 0,
            exactlyOnce: numbered,
            ...timing(context),
          }),
        profilePath(
          context,
          `${numbered ? "exactly-once" : "plain"}-${shape.entriesPerAppend}-${shape.inFlight}`,
        ),
      );
    const plain = await append(false);
    const { result, use } = await append(true);
    const plainUse = useCells(plain.use, plain.result);
    rows.push({
      "entries/append": shape.entriesPerAppend,
      "appends in flight": shape.inFlight,
      "plain entries/s": entriesPerSecond(plain.result),
      "exactly once": entriesPerSecond(result),
      "of plain": entriesPerSecond(result) / entriesPerSecond(plain.result),
      "plain p50 ms": plain.result.latency.p50Ms,
      "p50 ms": result.latency.p50Ms,
      "plain leader CPU µs": plainUse["leader CPU µs"] ?? "",
      "plain entries/segment": plainUse["entries/segment"] ?? "",
      ...useCells(use, result),
    });
  }
  await cluster.stop();
  return {
    title: "AppendSession with and without a producer's numbers, entries of 1 KiB, one stream",
    rows,
    notes: ["CPU is for an entry", "aim: nine tenths of the plain rate or better"],
  };
};
