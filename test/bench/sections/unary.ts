/** Unary appends of 1 KiB: through the leader and through a follower, beside a no-op server. */

import { atLeast } from "../aim.js";
import { BenchCluster } from "../cluster.js";
import { entriesPerSecond, runLoad, type LoadResult } from "../load.js";
import { plotColumns } from "../plot.js";
import { payloadBytes, profilePath, timing, useCells, type Section } from "../section.js";

const inFlights = [1, 64, 256];
/** With one call in flight it is the store that is waited for. */
const aimedAt = 64;

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
    const follower = await cluster.observe(
      () => append(cluster.follower, inFlight),
      profilePath(context, `unary-forwarded-${inFlight}`),
    );
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
    aims: rows
      .filter((row) => row["in flight"] >= aimedAt)
      .flatMap((row) => {
        const load = `unary, ${row["in flight"]} in flight`;
        const unit = "of the no-op server's rate";
        return [
          atLeast({ what: `${load}, at the leader`, aim: 0.7, unit, got: row["of no-op"] }),
          atLeast({ what: `${load}, through a follower`, aim: 0.4, unit, got: row["of no-op "] }),
        ];
      }),
    notes: [
      "one client process, a connection for each 256 calls; CPU is for an entry, while the leader is called",
    ],
    plots: [
      plotColumns(rows, {
        name: "rate",
        title: "Unary appends of 1 KiB",
        over: "in flight",
        columns: ["no-op /s", "leader /s", "follower /s"],
        x: { label: "calls in flight", scale: "log" },
        y: { label: "appends/s", scale: "log" },
      }),
    ],
  };
};
