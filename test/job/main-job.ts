/**
 * The main job on real input: a text of the machine goes line by line through followers of a `dev`
 * cluster while its leader is killed twice, and must be found again, exactly, everywhere.
 *
 * Run it as `npm run test:job`. It leaves no process and no file behind.
 */

import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { disagreements, entryOf, Journal, readAll, settle } from "../process/journal.js";
import { freePortRange, makeDirectory, removeDirectory } from "../process/scratch.js";
import { findAppendCommand } from "./command-append.js";
import { DevCluster, type DevNode } from "./dev-cluster.js";
import { Feeder } from "./feeder.js";
import { Follow } from "./follow.js";
import { LeaderKills } from "./leader-kills.js";
import { findTextFile } from "./text-file.js";
import type { ReadEntry } from "../process/journal.js";

const repository = fileURLToPath(new URL("../../../", import.meta.url));
const commandLines = 10;
const jobMsMax = 240_000;

async function main(): Promise<void> {
  const began = performance.now();
  const text = findTextFile(repository);
  say(`text: ${text.name}, ${text.lines.length} lines`);
  const directory = await makeDirectory();
  const cluster = new DevCluster({
    directory: join(directory, "dev"),
    firstPort: await freePortRange(3),
  });
  let follow: Follow | undefined;
  try {
    await cluster.start();
    say(`cluster: ${cluster.nodes.map(({ address }) => address).join(", ")}`);
    const [first, second] = await cluster.followers();
    if (first === undefined || second === undefined) throw new Error("two nodes must follow");
    follow = new Follow(second.address);
    const journal = new Journal();
    const kills = await append({ cluster, journal, lines: text.lines, first });
    const log = await compare(cluster, journal, "each node");
    await follow.shows(log);
    say("followed: what `suraft read --follow` printed is the log, byte for byte");
    await checkRestarts(cluster, journal);
    summarize({ journal, log, kills, seconds: (performance.now() - began) / 1000 });
  } catch (error) {
    process.stderr.write(`${await cluster.story()}\n`);
    throw error;
  } finally {
    await follow?.close();
    await cluster.close();
    await removeDirectory(directory);
  }
}

interface AppendOptions {
  readonly cluster: DevCluster;
  readonly journal: Journal;
  readonly lines: readonly Uint8Array[];
  /** The follower that the first lines go through. */
  readonly first: DevNode;
}

/** Appends all lines; returns how often the leader was killed. */
async function append({ cluster, journal, lines, first }: AppendOptions): Promise<number> {
  const kills: LeaderKills = new LeaderKills({
    cluster,
    thresholds: [Math.floor(lines.length / 3), Math.floor((2 * lines.length) / 3)],
    onLeader: (address) => {
      if (address === through) feeder.move();
    },
  });
  let through = first.address;
  const feeder = new Feeder({
    lines,
    journal,
    follower: async () => (through = (await anyOf(cluster.followers())).address),
    onAcknowledged: (count) => kills.acknowledged(count),
    gate: (line) => kills.gate(line),
  });
  const tool = findAppendCommand(repository);
  for (let line = 0; line < commandLines; line++) {
    await feeder.appendBy((attempt) =>
      settle(attempt, tool.append(first.address, entryOf(attempt))),
    );
  }
  say(`appended: ${commandLines} lines by ${tool.name} through a follower`);
  const began = performance.now();
  await feeder.run();
  await kills.survived();
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  const rest = lines.length - commandLines;
  say(`appended: ${rest} lines by ${feeder.sessionCount} sessions through followers, ${seconds} s`);
  return kills.count;
}

async function anyOf<T>(promised: Promise<readonly T[]>): Promise<T> {
  const list = await promised;
  const one = list[Math.floor(Math.random() * list.length)];
  if (one === undefined) throw new Error("there is none");
  return one;
}

/** A node whose process is new, and a cluster whose processes all are, read the same log. */
async function checkRestarts(cluster: DevCluster, journal: Journal): Promise<void> {
  const node = await anyOf(cluster.followers());
  await cluster.kill(node);
  await cluster.leader();
  await compare({ nodes: [node] }, journal, "a node started fresh");
  await cluster.interrupt();
  await cluster.start();
  await compare(cluster, journal, "each node after Ctrl-C and a new start");
}

/** Reads the log from each node and throws where it is not what the writers were told. */
async function compare(
  { nodes }: { readonly nodes: readonly DevNode[] },
  journal: Journal,
  readers: string,
): Promise<readonly ReadEntry[]> {
  let log: readonly ReadEntry[] = [];
  for (const { address, client } of nodes) {
    log = await readAll(client);
    const found = disagreements(log, journal.attempts);
    if (found.length > 0) {
      const shown = found.slice(0, 10).join("\n  ");
      throw new Error(`${address} disagrees in ${found.length} points:\n  ${shown}`);
    }
  }
  say(`read: ${log.length} entries from ${readers}, each where it belongs, byte for byte`);
  return log;
}

interface Summary {
  readonly journal: Journal;
  readonly log: readonly ReadEntry[];
  readonly kills: number;
  readonly seconds: number;
}

function summarize({ journal, log, kills, seconds }: Summary): void {
  const terms = new Set(
    journal.attempts.flatMap(({ outcome }) =>
      outcome.type === "acknowledged" ? [outcome.term] : [],
    ),
  );
  const unknown = journal.attempts.filter(({ outcome }) => outcome.type === "unknown");
  const numbers = new Set(log.map(({ attempt }) => attempt));
  const landed = unknown.filter(({ number }) => numbers.has(number)).length;
  say(
    `lines: ${journal.count("acknowledged")} acknowledged, ${unknown.length} of unknown outcome ` +
      `(${landed} of them in the log), ${journal.count("refused")} refused and sent again`,
  );
  say(`leaders: ${kills} killed; acknowledgements came in ${terms.size} terms`);
  say(`time: ${seconds.toFixed(1)} s`);
  if (terms.size <= kills) throw new Error("the leader was not killed in mid-stream");
}

function say(line: string): void {
  const seconds = (performance.now() / 1000).toFixed(1).padStart(5);
  process.stdout.write(`main job: ${seconds} s  ${line}\n`);
}

function fail(error: unknown): never {
  const reason = error instanceof Error ? error.message : String(error);
  process.stderr.write(`main job: failed: ${reason}\n`);
  process.exit(1);
}

process.on("unhandledRejection", fail);
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => fail(signal));
setTimeout(() => fail(`not done in ${jobMsMax / 1000} s`), jobMsMax).unref();

try {
  await main();
} catch (error) {
  fail(error);
}
process.stdout.write("main job: ok\n");
