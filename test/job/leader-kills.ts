/**
 * Kills the leader each time so many lines are acknowledged, in the midst of the stream.
 *
 * Invariant: the leader dies at the very acknowledgement that reaches a threshold, with more lines
 * under way; and only once all nodes run and agree on it.
 */

import type { DevCluster } from "./dev-cluster.js";

/** So far before a threshold lines are held back until the leader's process is known. */
const linesBefore = 1_000;
/** So far behind it they are held back until the leader is dead. */
const linesBehind = 500;

export interface LeaderKillsOptions {
  readonly cluster: DevCluster;
  /** Numbers of acknowledged lines, ascending. */
  readonly thresholds: readonly number[];
  /** All nodes run, and agree on the leader at this address. */
  readonly onLeader: (address: string) => void;
}

interface Kill {
  readonly threshold: number;
  /** The leader's process; known once all nodes agree on it. */
  readonly target: Promise<number>;
  pid: number | undefined;
  readonly done: Promise<void>;
  readonly markDone: () => void;
}

export class LeaderKills {
  count = 0;
  readonly #options: LeaderKillsOptions;
  readonly #kills: readonly Kill[];
  /** Resolves once the last kill was survived. */
  readonly #survived: Promise<number>;

  constructor(options: LeaderKillsOptions) {
    this.#options = options;
    let before = Promise.resolve();
    this.#kills = options.thresholds.map((threshold) => {
      const kill = this.#prepare(threshold, before);
      before = kill.done;
      return kill;
    });
    this.#survived = before.then(() => this.#findLeader());
    this.#survived.catch(() => undefined);
  }

  /** So many lines are acknowledged. */
  acknowledged(lineCount: number): void {
    const next = this.#kills[this.count];
    if (next?.pid === undefined || lineCount < next.threshold) return;
    process.kill(next.pid, "SIGKILL");
    this.count++;
    next.markDone();
  }

  /** Resolves once the line may be sent. */
  async gate(line: number): Promise<void> {
    for (const { threshold, target, done } of this.#kills) {
      if (line >= threshold - linesBefore) await target;
      if (line >= threshold + linesBehind) await done;
    }
  }

  /** Resolves once all nodes run and agree again after the last kill. */
  async survived(): Promise<void> {
    await this.#survived;
  }

  #prepare(threshold: number, before: Promise<void>): Kill {
    let markDone: () => void = () => undefined;
    const done = new Promise<void>((resolve) => (markDone = resolve));
    const target = before.then(() => this.#findLeader());
    const kill: Kill = { threshold, target, pid: undefined, done, markDone };
    target.then(
      (pid) => (kill.pid = pid),
      () => undefined,
    );
    return kill;
  }

  async #findLeader(): Promise<number> {
    const { cluster, onLeader } = this.#options;
    const leader = await cluster.leader();
    onLeader(leader.address);
    return await cluster.pidOf(leader);
  }
}
