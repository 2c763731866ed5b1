/** How much an append takes beyond the create that makes it durable, over a slow store. */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BenchCluster } from "../cluster.js";
import { runLoad } from "../load.js";
import { payloadBytes, profilePath, timing, type Section } from "../section.js";

const latencyMs = 30;
const inFlights = [1, 16];

export const latency: Section = async (context) => {
  const storeParameters = `latency=${latencyMs}`;
  const cluster = await BenchCluster.start({ storeParameters });
  const directory = await mkdtemp(join(tmpdir(), "suraft-bench-"));
  const url = `file://${directory}?${storeParameters}`;
  const rows = [];
  for (const inFlight of inFlights) {
    const shared = { inFlight, ...timing(context) };
    const store = await runLoad({ type: "store", url, bytes: payloadBytes, ...shared });
    const { result, use } = await cluster.observe(
      () => runLoad({ type: "unary", address: cluster.leader, payloadBytes, ...shared }),
      profilePath(context, `latency-${inFlight}`),
    );
    rows.push({
      "in flight": inFlight,
      "create p50 ms": store.latency.p50Ms,
      "create p99 ms": store.latency.p99Ms,
      "append p50 ms": result.latency.p50Ms,
      "append p99 ms": result.latency.p99Ms,
      "p50 beyond create ms": result.latency.p50Ms - store.latency.p50Ms,
      "p99 beyond create ms": result.latency.p99Ms - store.latency.p99Ms,
      appends: result.latency.count,
      elections: use.terms,
    });
    await rm(directory, { recursive: true, force: true });
  }
  await cluster.stop();
  return {
    title: `Latency of unary appends of 1 KiB over a store with ${latencyMs} ms added`,
    rows,
    notes: [
      "create: the same store, created in by the client's process with as many in flight",
      "aim: p50 of an append within 10 ms of the create's at low load",
    ],
  };
};
