/** A process of the key-value example that starts: how long until it has everything. */

import { openKvStore } from "../../examples/kv/kv-store.js";
import { connect } from "../../src/client/index.js";
import { DirectorySnapshots } from "../../src/replica/index.js";
import { answerParent } from "./child.js";

export interface RecoverQuestion {
  readonly addresses: readonly string[];
  /** Undefined: from the log alone. */
  readonly snapshots: string | undefined;
  /** Whether a snapshot is made behind it. */
  readonly makesSnapshot: boolean;
}

export interface Recovered {
  readonly keys: number;
  readonly recoveredMs: number;
  readonly cpuMs: number;
  readonly rssMaxMiB: number;
  readonly snapshotMs: number;
  readonly snapshotBytes: number;
}

const timeoutMs = 300_000;

answerParent(async (question): Promise<Recovered> => {
  const { addresses, snapshots, makesSnapshot } = question as RecoverQuestion;
  const client = connect(addresses);
  const cpuBefore = process.cpuUsage();
  const beganMs = performance.now();
  const store = await openKvStore({
    client,
    ...(snapshots === undefined ? {} : { snapshots: new DirectorySnapshots(snapshots) }),
    // None beside the one that is asked for.
    snapshotEveryEntries: 0,
  });
  await store.caughtUp({ timeoutMs });
  const recoveredMs = performance.now() - beganMs;
  const { user, system } = process.cpuUsage(cpuBefore);
  const snapshotBeganMs = performance.now();
  const { sizeBytes } = makesSnapshot ? await store.snapshot({ timeoutMs }) : { sizeBytes: 0 };
  const snapshotMs = performance.now() - snapshotBeganMs;
  const recovered = {
    keys: store.size,
    recoveredMs,
    cpuMs: (user + system) / 1000,
    rssMaxMiB: process.resourceUsage().maxRSS / 1024,
    snapshotMs,
    snapshotBytes: sizeBytes,
  };
  await store.close();
  client.close();
  return recovered;
});
