/** A cluster whose log is kept up fast: small archives, a grace of two seconds. */

import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";

import { parseObjectName } from "../../src/log/names.js";
import { entryOf, Journal, settle } from "./journal.js";
import { TestCluster, type TestClusterOptions } from "./test-cluster.js";
import type { NodeProcess } from "./node-process.js";

export const graceMs = 2_000;

/** Flags of a node. */
export const keptSettings = {
  "grace-ms": String(graceMs),
  "checkpoint-segments": "16",
  "archive-segments": "24",
  "archive-bytes-max": "64KiB",
};

/** What a store's directory holds, by the kinds of names. */
export interface Holdings {
  readonly segments: readonly number[];
  readonly manifests: readonly number[];
  /** Names of archives and checkpoints. */
  readonly archives: readonly string[];
  readonly checkpoints: readonly string[];
}

export class KeptLog {
  readonly cluster: TestCluster;
  readonly journal = new Journal();

  private constructor(cluster: TestCluster) {
    this.cluster = cluster;
  }

  static async start(
    nodeCount: number,
    options: Partial<TestClusterOptions> = {},
  ): Promise<KeptLog> {
    const settings = { ...keptSettings, ...options.settings };
    return new KeptLog(await TestCluster.start({ nodeCount, ...options, settings }));
  }

  /** Appends entries one by one, each a segment of its own; all are acknowledged. */
  async grow(node: NodeProcess, count: number): Promise<void> {
    for (let appended = 0; appended < count; appended++) {
      const attempt = this.journal.begin(Buffer.from(`entry ${this.journal.attempts.length}`));
      await settle(attempt, node.client.append([entryOf(attempt)], { timeoutMs: 30_000 }));
      if (attempt.outcome.type !== "acknowledged") throw new Error(attempt.outcome.type);
    }
  }

  async holdings(): Promise<Holdings> {
    const { storeDirectory } = this.cluster;
    const names = await Promise.all(
      ["log", "manifest", "archive", "checkpoint"].map(async (directory) => {
        const found = await readdir(join(storeDirectory, directory)).catch(() => []);
        return found.map((name) => `${directory}/${name}`).toSorted();
      }),
    );
    const [log = [], manifest = [], archives = [], checkpoints = []] = names;
    const parsed = [...log, ...manifest].map(parseObjectName);
    return {
      segments: parsed.flatMap((name) => (name?.type === "segment" ? [name.position] : [])),
      manifests: parsed.flatMap((name) => (name?.type === "manifest" ? [name.number] : [])),
      archives,
      checkpoints,
    };
  }

  /** Waits until the store holds something, or nothing any more. */
  async until(
    what: string,
    isSo: (holdings: Holdings) => boolean | Promise<boolean>,
    timeoutMs = 40_000,
  ): Promise<Holdings> {
    for (const endMs = performance.now() + timeoutMs; ;) {
      const holdings = await this.holdings();
      if (await isSo(holdings)) return holdings;
      if (performance.now() > endMs) {
        throw new Error(`not in ${timeoutMs} ms: ${what}; ${JSON.stringify(holdings)}`);
      }
      await wait(50);
    }
  }

  /** The log grows, at a node that serves, until everything below a position was deleted. */
  async outlive(node: NodeProcess, position: number): Promise<void> {
    const isGone = ({ segments }: Holdings): boolean => (segments[0] ?? 0) > position + 8;
    for (let rounds = 0; rounds < 100 && !isGone(await this.holdings()); rounds++) {
      await this.grow(node, 20);
    }
    await this.until(`segments up to ${position} are gone`, isGone);
  }
}
