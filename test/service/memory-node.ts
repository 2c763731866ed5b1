/** A node of one process without a store: commits what it gets, in order, in memory. */

import { SuraftError } from "../../src/errors.js";
import type { ScannedAppend } from "../../src/log/append-scan.js";
import { refusalError } from "../../src/node/refusal-error.js";
import type {
  Appender,
  AppenderOptions,
  AppendLimits,
  AppendListener,
  Node,
  NodeMember,
  NodeStatus,
  PlannedMembers,
  TransferOptions,
} from "../../src/node/node.js";
import type { ProducerOutcome, Standing } from "../../src/core/protocol.js";
import { AppendModel } from "./append-model.js";
import { changedList, type MemberChange } from "../../src/node/member-change.js";
import { clusterId, MemoryLog } from "./memory-log.js";
import { MemorySnapshots, type MemorySnapshotsOptions } from "./memory-snapshots.js";

export interface MemoryNodeOptions {
  readonly snapshotStorage?: MemorySnapshotsOptions;
  readonly limits?: Partial<AppendLimits>;
  readonly segmentBytesMax?: number;
}

interface Pending {
  readonly appender: MemoryAppender;
  readonly append: ScannedAppend;
  readonly deadlineMs: number;
}

class MemoryAppender implements Appender {
  readonly listener: AppendListener;
  readonly #options: AppenderOptions;
  readonly #submit: (pending: Pending) => void;
  failed = false;
  closed = false;

  constructor(
    listener: AppendListener,
    options: AppenderOptions,
    submit: (pending: Pending) => void,
  ) {
    this.listener = listener;
    this.#options = options;
    this.#submit = submit;
  }

  append(append: ScannedAppend): void {
    this.#submit({ appender: this, append, deadlineMs: this.#options.deadlineMs ?? Infinity });
  }

  close(): void {
    this.closed = true;
  }
}

export class MemoryNode implements Node {
  readonly limits: AppendLimits;
  readonly log = new MemoryLog();
  readonly snapshots: MemorySnapshots;
  readonly model = new AppendModel();
  /** The entries' time. */
  now: () => number = () => Date.now();
  /** A test may hold readers up, or refuse them. */
  onBarrier: (signal: AbortSignal) => Promise<void> = () => Promise.resolve();
  /** A test may have appends refused unseen. */
  appendRefusal: () => SuraftError | undefined = () => undefined;
  barriers = 0;
  ageMs = 0;
  readonly watchers = new Set<(status: NodeStatus) => void>();
  /** Every appender that was opened. */
  readonly appenders: MemoryAppender[] = [];
  readonly #segmentBytesMax: number;
  #queue: Pending[] = [];
  #failures: SuraftError[] = [];
  #holding = false;
  #scheduled = false;
  #change = 1;
  #leads = true;

  constructor(options: MemoryNodeOptions = {}) {
    this.limits = {
      entryBytesMax: 1024 * 1024,
      appendBytesMax: 4 * 1024 * 1024,
      appendEntriesMax: 16_384,
      ...options.limits,
    };
    this.snapshots = new MemorySnapshots(this, options.snapshotStorage);
    this.#segmentBytesMax = options.segmentBytesMax ?? 1024 * 1024;
    this.log.term = 1;
  }

  /** Appends that wait for a commit. */
  get waiting(): number {
    return this.#queue.length;
  }

  /** Commits nothing from now on. */
  hold(): void {
    this.#holding = true;
  }

  /** Commits what waited, and goes on. */
  release(): void {
    this.#holding = false;
    this.#schedule();
  }

  /** The oldest append that waits, or the next one, fails; and all behind it of its appender. */
  failNext(error: SuraftError): void {
    this.#failures.push(error);
    this.#schedule();
  }

  /** The node gains or loses its leader. */
  lead(leads: boolean): void {
    this.#leads = leads;
    this.log.term += leads ? 1 : 0;
    this.#change += 1;
    const status = this.status();
    for (const watcher of this.watchers) {
      watcher(status);
    }
    this.#schedule();
  }

  status(): NodeStatus {
    const self = { nodeId: "n1", address: "127.0.0.1:7101", voter: true, priority: 1 };
    return {
      ...self,
      clusterId,
      role: this.#leads ? "leader" : "candidate",
      term: this.log.term,
      leader: this.#leads ? self : undefined,
      members: [self],
      membersVersion: 0,
      tailPosition: this.log.nextIndex,
      storeUrl: "memory:",
      storeHealthy: true,
      fault: undefined,
      serving: this.#leads,
      notServingReason: this.#leads ? "" : "no leader is known",
      version: "0.0.0",
      startedAtMs: Date.now() - 1_000,
      change: this.#change,
      storeRequests: { creates: 1, gets: 2, lists: 3, deletes: 4 },
      past: {
        manifestNumber: 5,
        floorPosition: 6,
        checkpointPosition: 7,
        archiveCount: 8,
        damage: "archive/x: gone",
      },
    };
  }

  watch(listener: (status: NodeStatus) => void): () => void {
    this.watchers.add(listener);
    return () => this.watchers.delete(listener);
  }

  openAppender(listener: AppendListener, options: AppenderOptions): Appender {
    const appender = new MemoryAppender(listener, options, (pending) => {
      this.#queue.push(pending);
      this.#schedule();
    });
    this.appenders.push(appender);
    return appender;
  }

  async barrier(signal: AbortSignal): Promise<void> {
    this.barriers += 1;
    await this.onBarrier(signal);
  }

  async transferLeadership({ targetId }: TransferOptions): Promise<NodeMember> {
    const { members } = this.status();
    const target = members.find(({ nodeId }) => nodeId === targetId);
    if (target === undefined) throw new SuraftError("invalid", `${targetId} is no member`);
    return target;
  }

  outcomeOf(producerId: number, sequence: number): ProducerOutcome {
    return this.model.outcomeOf(producerId, sequence);
  }

  async planMembers(change: MemberChange): Promise<PlannedMembers> {
    const members = this.status().members;
    return { list: changedList({ version: 0, members }, change), warnings: [] };
  }

  async forceLeadership(): Promise<number> {
    this.lead(true);
    return this.log.term;
  }

  tailAgeMs(): number {
    return this.ageMs;
  }

  #schedule(): void {
    if (!this.#scheduled) {
      this.#scheduled = true;
      setImmediate(() => this.#commit());
    }
  }

  #commit(): void {
    this.#scheduled = false;
    this.#queue = this.#queue.filter((pending) => !this.#settledEarly(pending));
    if (this.#holding || !this.#leads || this.#queue.length === 0) {
      this.#scheduleExpiry();
      return;
    }
    const plain = this.#queue.findIndex(({ append }) => append.options === undefined);
    const judged = this.#queue.splice(0, plain < 0 ? this.#queue.length : plain);
    if (judged.length > 0) {
      judged.forEach((pending) => this.#judge(pending));
    } else {
      this.#commitPlain(this.#takeSegment());
    }
    if (this.#queue.length > 0) {
      this.#schedule();
    }
  }

  #commitPlain(pending: readonly Pending[]): void {
    const timestampMs = this.now();
    let { firstIndex } = this.log.append(
      pending.map(({ append }) => append.run),
      timestampMs,
    );
    for (let i = 0; i < pending.length;) {
      const appender = pending[i]?.appender;
      let appendCount = 0;
      let entryCount = 0;
      for (; pending[i]?.appender === appender && i < pending.length; i++) {
        appendCount += 1;
        entryCount += pending[i]?.append.run.entryCount ?? 0;
      }
      const { term } = this.log;
      appender?.listener.acknowledged({ appendCount, firstIndex, entryCount, term, timestampMs });
      firstIndex += entryCount;
    }
  }

  /** An append with options is a segment of its own, or none. */
  #judge({ appender, append: { run, options = {} } }: Pending): void {
    if (appender.failed) {
      appender.listener.failed(new SuraftError("unavailable", "an earlier append failed"));
      return;
    }
    const judgement = this.model.judge(options, this.log.nextIndex);
    switch (judgement.type) {
      case "refused":
        appender.failed = true;
        appender.listener.failed(refusalError(judgement.refusal));
        return;
      case "repeat": {
        const { standing = forgotten } = judgement;
        appender.listener.acknowledged({ appendCount: 1, ...standing, repeat: true });
        return;
      }
      case "made": {
        const standing = this.#stand(run);
        this.model.append(options, run.keys ?? [], standing);
        this.log.firstIndex = this.model.firstIndex;
        const producerId = options.control?.type === "open" ? this.model.open() : undefined;
        const opened = producerId === undefined ? {} : { producerId };
        appender.listener.acknowledged({ appendCount: 1, ...standing, ...opened });
      }
    }
  }

  #stand(run: ScannedAppend["run"]): Standing {
    const timestampMs = this.now();
    const { term } = this.log;
    const { entryCount } = run;
    const firstIndex = this.log.nextIndex;
    if (entryCount > 0) this.log.append([run], timestampMs);
    return { firstIndex, entryCount, term, timestampMs };
  }

  /** Whether the append needs no commit: nobody waits for it, or it fails. */
  #settledEarly({ appender, deadlineMs }: Pending): boolean {
    if (appender.closed) {
      return true;
    }
    if (appender.failed) {
      appender.listener.failed(new SuraftError("unavailable", "an earlier append failed"));
      return true;
    }
    const late = !this.#leads && Date.now() >= deadlineMs - 50;
    const error = late ? new SuraftError("unavailable", "no leader") : this.#failures.shift();
    if (error === undefined) {
      return false;
    }
    appender.failed = true;
    appender.listener.failed(error);
    return true;
  }

  #scheduleExpiry(): void {
    const deadlineMs = Math.min(...this.#queue.map((pending) => pending.deadlineMs));
    if (!this.#leads && Number.isFinite(deadlineMs)) {
      setTimeout(() => this.#schedule(), Math.max(1, deadlineMs - 50 - Date.now()));
    }
  }

  #takeSegment(): readonly Pending[] {
    let sizeBytes = 0;
    let count = 0;
    for (const { append } of this.#queue) {
      sizeBytes += append.run.bytes.length;
      const isPlain = append.options === undefined;
      if (count > 0 && (sizeBytes > this.#segmentBytesMax || !isPlain)) {
        break;
      }
      count += 1;
    }
    return this.#queue.splice(0, count);
  }
}

const forgotten = { firstIndex: 0, entryCount: 0, term: 0, timestampMs: 0 };
