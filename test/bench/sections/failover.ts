/** How long nobody is acknowledged when a leader goes, and what clients see of it. */

import { setTimeout as wait } from "node:timers/promises";
import { PlainWriter } from "../../process/plain-writer.js";
import { TestCluster } from "../../process/test-cluster.js";
import { atMost, type Aim } from "../aim.js";
import { runStoreLoad } from "../load.js";
import { Durations } from "../quantiles.js";
import { payloadBytes, type Section } from "../section.js";

const electionTimeoutMs = 1000;
const leaseMs = 6000;
const storeLatencyMs = 20;
const trials = 4;
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
  /** At the median, beside round trips to the store. */
  readonly aimMs: number;
  readonly roundTrips: number;
  /** Whether no request is to fail. */
  readonly unnoticed: boolean;
}

const scenarios: readonly Scenario[] = [
  {
    name: "kill -9 of the leader",
    befall: async (cluster) => ({ over: (await cluster.leader()).kill() }),
    share: 1,
    aimMs: 1.5 * electionTimeoutMs,
    roundTrips: 3,
    unnoticed: false,
  },
  {
    name: "SIGTERM of the leader",
    befall: async (cluster) => {
      const { child } = await cluster.leader();
      child.kill("SIGTERM");
      return { over: child.exit(15_000) };
    },
    share: 1,
    aimMs: 50,
    roundTrips: 2,
    unnoticed: true,
  },
  {
    name: "transfer",
    befall: async (cluster) => ({ over: (await cluster.leader()).client.transferLeadership() }),
    share: 1,
    aimMs: 50,
    roundTrips: 2,
    unnoticed: true,
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
    aimMs: leaseMs,
    roundTrips: 3,
    unnoticed: false,
  },
];

/**
 * Times from the event to the first acknowledgement of an append that began after it, and what failed
 * meanwhile.
 */
async function measure(scenario: Scenario, count: number) {
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
  const create = await runStoreLoad({
    request: "create",
    parameters: `latency=${storeLatencyMs}`,
    bytes: payloadBytes,
    inFlight: 1,
    warmUpSeconds: 0.5,
    seconds: 1,
  });
  const createMs = create.latency.p50Ms;
  const rows = [];
  const aims: Aim[] = [];
  for (const scenario of scenarios) {
    const row = await measure(scenario, Math.max(2, Math.round(count * scenario.share)));
    rows.push(row);
    aims.push(...aimsOf(scenario, row, createMs));
  }
  return {
    title: "Time without an acknowledgement when the leader goes",
    rows,
    aims,
    notes: [
      `${inFlight} appends in flight by a plain gRPC client of all nodes, deadline 5 s, no retries of its own`,
      `election timeout ${electionTimeoutMs} ms (up to twice that), lease ${leaseMs} ms, store with ${storeLatencyMs} ms added: ` +
        `create p50 ${createMs.toFixed(1)} ms`,
    ],
  };
};

type FailoverRow = Awaited<ReturnType<typeof measure>>;

function aimsOf(scenario: Scenario, row: FailoverRow, createMs: number): readonly Aim[] {
  const { name, aimMs, roundTrips, unnoticed } = scenario;
  const aim = aimMs + roundTrips * createMs;
  return [
    atMost({ what: `${name}, p50`, aim, unit: "ms", got: row["p50 ms"] }),
    ...(unnoticed
      ? [atMost({ what: name, aim: 0, unit: "requests failed", got: row["requests failed"] })]
      : []),
  ];
}
