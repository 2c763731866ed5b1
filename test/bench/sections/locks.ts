/** Hand-over of a lock, and how long a dead holder keeps it. */

import { openLockSession } from "../../../examples/lock/lock-client.js";
import { startLockServer } from "../../../examples/lock/lock-server.js";
import { openLockService, type LockService } from "../../../examples/lock/lock-service.js";
import { connect } from "../../../src/client/index.js";
import { BenchCluster } from "../cluster.js";
import { Durations } from "../quantiles.js";
import type { Section } from "../section.js";

const handOvers = 100;
const deaths = 5;
const ttlsMs = [500, 2000];

export const locks: Section = async () => {
  const cluster = await BenchCluster.start();
  const client = connect(cluster.addresses);
  const service = await openLockService({ client });
  const server = await startLockServer(service, "127.0.0.1:0");
  try {
    const rows = [
      { what: "hand-over to one who waits", ...cells(await handOver(`http://${server.address}`)) },
    ];
    for (const ttlMs of ttlsMs) {
      const what = `dead holder, session of ${ttlMs} ms`;
      rows.push({ what, ...cells(await freeing(service, ttlMs)) });
    }
    return {
      title: "the lock example: one process of the service over HTTP, three nodes",
      rows,
      notes: [
        "hand-over: from the call of release to the next holder's lease; one entry of the log and an HTTP answer",
        "dead holder: from its last sign of life until the next one holds the lock",
      ],
    };
  } finally {
    await service.stop();
    await server.close();
    client.close();
    await cluster.stop();
  }
};

function cells(durations: Durations) {
  const { count, p50Ms, p99Ms, maxMs } = durations.quantiles();
  return { times: count, "p50 ms": p50Ms, "p99 ms": p99Ms, "max ms": maxMs };
}

async function handOver(url: string): Promise<Durations> {
  const options = { urls: [url], ttlMs: 30_000 };
  const durations = new Durations();
  const [one, two] = [await openLockSession(options), await openLockSession(options)];
  let held = await one.acquire("l");
  for (let count = 0; count < handOvers; count += 1) {
    const next = (count % 2 === 0 ? two : one).acquire("l");
    while (!(await hasWaiting(url)));
    const beganMs = performance.now();
    await Promise.all([
      held.release(),
      next.then(() => durations.add(performance.now() - beganMs)),
    ]);
    held = await next;
  }
  await one.close();
  await two.close();
  return durations;
}

async function hasWaiting(url: string): Promise<boolean> {
  const { waiting } = (await (await fetch(`${url}/locks/l`)).json()) as {
    readonly waiting: number;
  };
  return waiting > 0;
}

async function freeing(service: LockService, ttlMs: number): Promise<Durations> {
  const durations = new Durations();
  const alive = await service.open(600_000);
  for (let count = 0; count < deaths; count += 1) {
    const lock = `dead-${ttlMs}-${count}`;
    const dead = await service.open(ttlMs);
    await service.acquire({ session: dead, lock, waitMs: 0 });
    const beganMs = performance.now();
    await service.renew(dead);
    await service.acquire({ session: alive, lock, waitMs: 60_000 });
    durations.add(performance.now() - beganMs);
  }
  await service.close(alive);
  return durations;
}
