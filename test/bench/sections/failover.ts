/** How long nobody is acknowledged when a leader goes, and what clients see of it. */

import { setTimeout as wait } from "node:timers/promises";
import { PlainWriter } from "../../process/plain-writer.js";
import { TestCluster } from "../../process/test-cluster.js";
import { runLoad } from "../load.js";
import { Durations } from "../quantiles.js";
import { payloadBytes, type Section } from "../section.js";
import type { Row } from "../report.js";

const electionTimeoutMs = 1000;
const leaseMs = 6000;
const storeLatencyMs = 20;
const trials = 12;
const longTrials = 60;
const inFlight = 4;
/** Between two trials: elections after a kill are not to meet the ones before. */
const restMs = 1500;

interface Scenario {
  readonly name: string;
  readonly settings?: Readonly<Record<string, string>>;
  /** What befalls the cluster; the result resolves when its processes have come to rest. */
  readonly befall: (cluster: TestCluster) => Promise<{ readonly over: Promise<unknown> }>;
  readonly share: number;
}

const scenarios: readonly Scenario[] = [
  {
    name: "kill -9 of the leader",
    befall: async (cluster) => ({ over: (await cluster.leader()).kill() }),
    share: 1,
  },
  {
    name: "SIGTERM of the leader",
    befall: async (cluster) => {
      const { child } = await cluster.leader();
      child.kill("SIGTERM");
      return { over: child.exit(15_000) };
    },
    share: 1,
  },
  {
    name: "transfer",
    befall: async (cluster) => ({ over: (await cluster.leader()).client.transferLeadership() }),
    share: 1,
  },
  {
    name: "kill -9 of two of three, store as arbiter",
    settings: { "election-quorum": "storage", "lease-ms": String(leaseMs) },
    befall: async (cluster) => {
      const last = await cluster.follower();
      const others = cluster.nodes.filter((node) => node !== last);
      return { over: Promise.all(others.map((node) => node.kill())) };
    },
    share: 0.25,
  },
];

/**
 * Times from the event to the first acknowledgement of an append that began after it, and what failed
 * meanwhile.
 */
async function measure(scenario: Scenario, count: number): Promise<Row> {
  const cluster = await TestCluster.start({
    nodeCount: 3,
    storeParameters: `latency=${storeLatencyMs}`,
    settings: {
      "election-timeout-ms": String(electionTimeoutMs),
      "heartbeat-interval-ms": "150",
      ...scenario.settings,
    },
  });
  const durations = new Durations();
  let failed = 0;
  let acknowledged = 0;
  try {
    for (let trial = 0; trial < count; trial++) {
      const writer = new PlainWriter(
        cluster.nodes.map(({ address }) => address),
        inFlight,
      );
      await writer.progress(inFlight * 4);
      await cluster.leader();
      const { over } = await scenario.befall(cluster);
      const beganMs = performance.now();
      durations.add((await writer.firstBegunAfter(beganMs)) - beganMs);
      await over;
      await wait(restMs / 3);
      await writer.stop();
      failed += writer.failures.length;
      acknowledged += writer.acknowledged.size;
      await cluster.startAll();
      await wait(restMs);
    }
  } finally {
    await cluster.close();
  }
  const { p50Ms, p99Ms, maxMs } = durations.quantiles();
  return {
    event: scenario.name,
    trials: count,
    "p50 ms": p50Ms,
    "p99 ms": p99Ms,
    "max ms": maxMs,
    "requests failed": failed,
    "of requests": failed + acknowledged,
  };
}

export const failover: Section = async (context) => {
  const count = context.long ? longTrials : trials;
  const rows: Row[] = [];
  for (const scenario of scenarios) {
    rows.push(await measure(scenario, Math.max(2, Math.round(count * scenario.share))));
  }
  const url = `file:///tmp/suraft-bench-failover?latency=${storeLatencyMs}`;
  const create = await runLoad({
    type: "store",
    request: "create",
    url,
    bytes: payloadBytes,
    inFlight: 1,
    warmUpSeconds: 0.5,
    seconds: 1,
  });
  return {
    title: "Time without an acknowledgement when the leader goes",
    rows,
    notes: [
      `${inFlight} appends in flight by a plain gRPC client of all nodes, deadline 5 s, no retries of its own`,
      `election timeout ${electionTimeoutMs} ms (up to twice that), lease ${leaseMs} ms, store with ${storeLatencyMs} ms added: ` +
        `create p50 ${create.latency.p50Ms.toFixed(1)} ms`,
      "aims: kill within 1.5 election timeouts and three store round trips at the median; SIGTERM and transfer " +
        "within two round trips and 50 ms, no request failed; majority lost: the lease and three round trips",
    ],
  };
};
