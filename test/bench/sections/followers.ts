/** What many followers of one node cost it: memory at rest, under writes, and when they do not read. */

import { setTimeout as sleep } from "node:timers/promises";
import { Child } from "../child.js";
import { BenchCluster } from "../cluster.js";
import { runLoad } from "../load.js";
import { profilePath, type Section } from "../section.js";
import type { FollowQuestion } from "../follow-process.js";
import type { Row } from "../report.js";

const followerCount = 1000;
const connections = 20;
const entries = 2_000;
const entryBytes = 100;
/** For followers that do not read: far more than all of them may have on their way. */
const stalledMiB = 64;

export const followers: Section = async (context) => {
  const rows: Row[] = [];
  const cluster = await BenchCluster.start();
  const sample = async (when: string, more: Row = {}): Promise<void> => {
    const [, follower] = await cluster.processes();
    rows.push({
      when,
      "RSS MiB": Math.round(follower?.rssMiB ?? 0),
      "heap MiB": Math.round(follower?.heapMiB ?? 0),
      "buffers MiB": Math.round(follower?.buffersMiB ?? 0),
      "CPU µs a delivery": more["CPU µs a delivery"] ?? "",
      "store gets": more["store gets"] ?? "",
    });
  };
  await write(cluster, 100, entryBytes);
  await sample("no follower");
  const question: FollowQuestion = {
    type: "open",
    address: cluster.follower,
    followers: followerCount,
    connections,
  };
  const { child } = await Child.start<undefined>("follow-process.js", question);
  await sample(`${followerCount} at an idle tail`);
  const delivered = child.ask<undefined>({ type: "deliver", entries });
  const { use } = await cluster.observe(
    async () => {
      await write(cluster, entries, entryBytes);
      await delivered;
    },
    profilePath(context, "followers"),
  );
  const followersCpuMs = use.followers[0]?.cpuMs ?? 0;
  await sample(`${followerCount} were given ${entries} entries`, {
    "CPU µs a delivery": (followersCpuMs * 1000) / (entries * followerCount),
    "store gets": use.requests.gets / 2,
  });
  await child.ask({ type: "stall" });
  const stalled = await cluster.observe(() => write(cluster, stalledMiB, 1024 ** 2 - 1024));
  await sleep(1000);
  await sample(`${followerCount} do not read, ${stalledMiB} MiB behind`, {
    "store gets": stalled.use.requests.gets / 2,
  });
  await child.stop();
  await cluster.stop();
  return {
    title: `${followerCount} followers of one node, over ${connections} connections`,
    rows,
    notes: ["store gets: of one follower node, of which each serves all of its followers"],
  };
};

/** One by one, as many clients do. */
async function write(cluster: BenchCluster, count: number, payloadBytes: number): Promise<void> {
  await runLoad({
    type: "session",
    address: cluster.leader,
    sessions: 1,
    inFlight: 16,
    entriesPerAppend: 1,
    payloadBytes,
    entriesMax: count,
    warmUpSeconds: 0,
    seconds: 120,
  });
}
