/** How long a key-value store of a million keys takes to start: from the log alone, and from a snapshot. */

import { encodeCommand } from "../../../examples/kv/commands.js";
import { connect } from "../../../src/client/index.js";
import { Child } from "../child.js";
import { BenchCluster } from "../cluster.js";
import { emptyDirectory, makeDirectory } from "../directories.js";
import type { Recovered, RecoverQuestion } from "../recover-process.js";
import type { Section } from "../section.js";

const keys = 1_000_000;
const keysPerAppend = 500;
const valueBytes = 32;

export const recovery: Section = async () => {
  const cluster = await BenchCluster.start();
  const directory = await makeDirectory("snapshots");
  const { addresses } = cluster;
  try {
    await fill(addresses);
    const fromLog = await recover({ addresses, snapshots: directory, makesSnapshot: true });
    const fromSnapshot = await recover({ addresses, snapshots: directory, makesSnapshot: false });
    const rows = [
      { from: "the log alone", ...cells(fromLog) },
      { from: "a snapshot", ...cells(fromSnapshot) },
    ];
    const megabytes = (fromLog.snapshotBytes / 1e6).toFixed(0);
    const seconds = (fromLog.snapshotMs / 1000).toFixed(1);
    return {
      title: `a key-value store of ${keys.toLocaleString("en")} keys, values of ${valueBytes} B, starts`,
      rows,
      notes: [`the snapshot has ${megabytes} MB and took ${seconds} s, while it served`],
    };
  } finally {
    await cluster.stop();
    await emptyDirectory(directory);
  }
};

function cells({ keys: found, recoveredMs, cpuMs, rssMaxMiB }: Recovered) {
  return {
    keys: found,
    seconds: recoveredMs / 1000,
    "keys/s": found / (recoveredMs / 1000),
    "CPU µs/key": (cpuMs * 1000) / found,
    "memory MiB at most": rssMaxMiB,
  };
}

async function fill(addresses: readonly string[]): Promise<void> {
  const client = connect(addresses, { timeoutMs: 60_000 });
  const session = client.openSession({ windowAppends: 64 });
  const value = "v".repeat(valueBytes);
  for (let first = 0; first < keys; first += keysPerAppend) {
    const entries = Array.from({ length: keysPerAppend }, (_, offset) => {
      const key = `key-${first + offset}`;
      return { payload: encodeCommand({ op: "put", key, value }), key };
    });
    await session.room();
    void session.append(entries);
  }
  await session.close();
  client.close();
}

async function recover(question: RecoverQuestion): Promise<Recovered> {
  const { child, value } = await Child.start<Recovered>("recover-process.js", question);
  await child.stop();
  if (value.keys !== keys) throw new Error(`${value.keys} keys came back of ${keys}`);
  return value;
}
