/** What the client library, and a replica on it, add to a raw stub. */

import { BenchCluster } from "../cluster.js";
import { entriesPerSecond, runLoad, type LoadResult } from "../load.js";
import { openProducers } from "../producers.js";
import { payloadBytes, timing, type Section } from "../section.js";

const shapes = [
  { entriesPerAppend: 1, inFlight: 1 },
  { entriesPerAppend: 1, inFlight: 64 },
  { entriesPerAppend: 1, inFlight: 1024 },
  { entriesPerAppend: 100, inFlight: 64 },
];

export const library: Section = async (context) => {
  const cluster = await BenchCluster.start();
  const rows = [];
  const common = { payloadBytes, ...timing(context) };
  for (const shape of shapes) {
    const raw = await runLoad({
      type: "session",
      address: cluster.leader,
      sessions: 1,
      entriesMax: 0,
      producerIds: [await openProducers(cluster.leader, 1)],
      ...shape,
      ...common,
    });
    const by = (way: "session" | "replica"): Promise<LoadResult> =>
      runLoad({ type: "library", by: way, addresses: [cluster.leader], ...shape, ...common });
    const session = await by("session");
    const replica = shape.entriesPerAppend === 1 ? await by("replica") : undefined;
    for (const [name, result] of [
      ["raw stub", raw],
      ["session", session],
      ["replica", replica],
    ] as const) {
      if (result === undefined) continue;
      rows.push({
        by: name,
        "entries/append": shape.entriesPerAppend,
        "appends in flight": shape.inFlight,
        "entries/s": entriesPerSecond(result),
        "of raw": entriesPerSecond(result) / entriesPerSecond(raw),
        "p50 ms": result.latency.p50Ms,
        "p99 ms": result.latency.p99Ms,
        "client CPU µs/entry": (result.cpuMs * 1000) / result.entriesInAll,
      });
    }
  }
  await cluster.stop();
  return {
    title:
      "the library beside a raw stub: entries of 1 KiB, exactly once, one stream to the leader",
    rows,
    notes: [
      "raw stub: encoded once, answers counted; replica: proposes, follows the log, and answers when it has applied",
      "CPU is the client process's own, with its start",
    ],
  };
};
