/** Unary appends of 1 KiB: through the leader and through a follower, beside a no-op server. */

import { BenchCluster } from "../cluster.js";
import { entriesPerSecond, runLoad, type LoadResult } from "../load.js";
import { payloadBytes, profilePath, timing, useCells, type Section } from "../section.js";

const inFlights = [1, 64, 1024];

export const unary: Section = async (context) => {
  const cluster = await BenchCluster.start();
  const append = (address: string, inFlight: number): Promise<LoadResult> =>
    runLoad({ type: "unary", address, inFlight, payloadBytes, ...timing(context) });
  const rows = [];
  for (const inFlight of inFlights) {
    const noOp = entriesPerSecond(await append(context.noOp, inFlight));
    const leader = await cluster.observe(
      () => append(cluster.leader, inFlight),
      profilePath(context, `unary-${inFlight}`),
    );
    const follower = await cluster.observe(() => append(cluster.follower, inFlight));
    const leaderRate = entriesPerSecond(leader.result);
    const followerRate = entriesPerSecond(follower.result);
    rows.push({
      "in flight": inFlight,
      "no-op /s": noOp,
      "leader /s": leaderRate,
      "of no-op": leaderRate / noOp,
      "follower /s": followerRate,
      "of no-op ": followerRate / noOp,
      "leader p50 ms": leader.result.latency.p50Ms,
      "p99 ms": leader.result.latency.p99Ms,
      "follower p50 ms": follower.result.latency.p50Ms,
      ...useCells(leader.use, leader.result),
    });
  }
  await cluster.stop();
  return {
    title: "Unary appends of 1 KiB, a call each",
    rows,
    notes: [
      "one client process, a connection for each 256 calls; CPU is for an entry, while the leader is called",
    ],
  };
};
