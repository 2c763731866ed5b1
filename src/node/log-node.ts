/**
 * A running node: the core and its driver, the log that it holds, the ways to its peers, and what
 * its services stand on.
 */

import { randomBytes, randomUUID } from "node:crypto";
import type { Logger } from "winston";
import { Core } from "../core/core.js";
import { defaultPriority } from "../core/members.js";
import { SuraftError } from "../errors.js";
import { sealSegment } from "../log/segment-codec.js";
import { segmentName } from "../log/names.js";
import { implementNodeService } from "../peer/node-service.js";
import { AppendRouter } from "./append-router.js";
import { coreTiming } from "./core-settings.js";
import { Handovers } from "./handovers.js";
import { Membership } from "./membership.js";
import { Driver } from "./driver.js";
import { ForwardedAppends } from "./forwarded-appends.js";
import type { MemberChange } from "./member-change.js";
import { planMembers } from "./plan-members.js";
import { Peers } from "./peers.js";
import { refusalError, returnError } from "./refusal-error.js";
import { Storage } from "./storage.js";
import { transferError } from "./transfer-error.js";
import { untilLeading } from "./until-leading.js";
import { version } from "./version.js";
import { whyNotServing } from "./why-not-serving.js";
import type { CoreStart } from "../core/options.js";
import type { LedgerSnapshot } from "../core/ledger/snapshot.js";
import type { ManifestView } from "../core/manifest.js";
import type { MemberList } from "../core/members.js";
import type {
  Answer,
  Message,
  ProducerOutcome,
  ReturnReason,
  Sender,
  TransferOutcome,
  View,
} from "../core/protocol.js";
import type { Append, Segment } from "../core/types.js";
import type {
  ForwardListener,
  ForwardSink,
  NodeServiceHost,
  ServiceRegistration,
} from "../peer/node-service.js";
import type { Identity } from "../peer/messages.js";
import type { CountingStore } from "../store/counting-store.js";
import type { AgeClock } from "../log/age-clock.js";
import type { SegmentLog } from "../log/segment-log.js";
import type { Route } from "./append-router.js";
import type { NodeConfig } from "./config.js";
import type { DriverListener } from "./driver.js";
import type {
  AppendLimits,
  Appender,
  AppenderOptions,
  AppendListener,
  Node,
  NodeMember,
  NodeSnapshots,
  NodeStatus,
  PlannedMembers,
  TransferOptions,
} from "./node.js";
import type { RoutedAppend } from "./routed-append.js";
import type { StoreRequests } from "./store-requests.js";

export interface LogNodeOptions {
  readonly config: NodeConfig;
  /** Where this node serves, with the port that it really has. */
  readonly address: string;
  /** The list that the cluster was founded with. */
  readonly founding: readonly NodeMember[];
  readonly store: CountingStore;
  /** What `start.ageMs` was read from. */
  readonly clock: AgeClock;
  readonly start: CoreStart;
  readonly logger: Logger;
  /** The process must end: a bug, or a node that may go on no more. */
  readonly onFatal: (error: Error) => void;
}

/** How long an append without a deadline waits for a leader, in election timeouts. */
const patienceTimeouts = 4;

/** A transfer takes a look, a claim and what was under way before: so many creates have time. */
const transferCreates = 6;

/** Appends never gather for longer: clients are to notice the store, not this. */
const gatherMsMax = 5;

export class LogNode implements Node, NodeServiceHost, DriverListener {
  readonly limits: AppendLimits;
  readonly log: SegmentLog;
  readonly snapshots: NodeSnapshots;
  readonly self: Identity;
  /** What other nodes ask of this one, ready to be served. */
  readonly nodeService: ServiceRegistration;
  readonly #options: LogNodeOptions;
  readonly #storage: Storage;
  readonly #core: Core;
  readonly #driver: Driver;
  readonly #requests: StoreRequests;
  readonly #router: AppendRouter;
  readonly #peers: Peers;
  readonly #watchers = new Set<(status: NodeStatus) => void>();
  readonly #startedAtMs = Date.now();
  #ticker: NodeJS.Timeout | undefined;
  #change = 1;
  #heardAtMs = performance.now();
  #stopping = false;
  #drained: () => void = () => undefined;
  readonly #handovers: Handovers;
  readonly #membership: Membership;
  #announceDueMs = 0;
  #namedLeaderId: string | undefined;

  constructor(options: LogNodeOptions) {
    this.#options = options;
    const { config, address, founding, start, clock } = options;
    const { nodeId } = config;
    const { clusterId } = start.manifest;
    this.limits = config;
    this.self = { clusterId, nodeId, incarnation: randomUUID() };
    this.nodeService = implementNodeService(this);
    this.#storage = new Storage({
      ...options,
      onHealth: (healthy, cause) => this.#storeHealthChanged(healthy, cause),
      onDamage: () => this.#changed(),
      onBroken: (error) => this.broken(error),
    });
    this.log = this.#storage.log;
    this.snapshots = this.#storage.snapshots(this);
    this.#requests = this.#storage.requests;
    const { settings, tickMs } = coreTiming(config);
    const members = founding.map((member) => ({
      ...member,
      voter: true,
      priority: defaultPriority,
    }));
    this.#core = new Core({
      nodeId,
      incarnation: this.self.incarnation,
      clusterId,
      members,
      settings,
      start,
      random: Math.random,
      nonce: () => randomBytes(16).toString("hex"),
      seal: (draft) => sealSegment(clusterId, draft),
    });
    this.#router = new AppendRouter({
      queueBytesMax: config.queueBytesMax,
      patienceMs: patienceTimeouts * config.electionTimeoutMs,
      clock: () => performance.now(),
      gatherMs: () => this.#gatherMs(),
      toCore: (appends) => this.#driver.feed({ type: "append", appends, nowMs: Date.now() }),
      toLeader: (nodeId, appends) => this.#peers.forward(nodeId, appends),
      onClosed: (appender) => this.#peers.closed(appender),
    });
    this.#membership = new Membership({
      self: { nodeId, address },
      configured: config.members,
      list: this.#core.members,
    });
    this.#handovers = new Handovers({ tickMs, feed: (input) => this.#driver.feed(input) });
    this.#peers = new Peers({
      self: this.self,
      timeoutMs: config.electionTimeoutMs,
      router: this.#router,
      logger: options.logger,
      receive: (sender, message) => this.receive(sender, message, () => undefined),
      onLeaderNamed: (leaderId) => this.#leaderNamed(leaderId),
    });
    this.#driver = new Driver({
      core: this.#core,
      requests: this.#requests,
      clock,
      listener: this,
      send: (to, message) => this.#peers.send(to, message),
    });
    this.#peers.update(this.#membership.members);
    this.#storage.keepUp(this.#core, this);
  }

  /** Begins to take part. */
  start(): void {
    const { tickMs } = coreTiming(this.#options.config);
    // One tick a turn, however late: a busy event loop must not look like a silent leader.
    this.#ticker = setInterval(() => {
      this.#driver.feed({ type: "tick" });
      this.#router.tick();
      this.#storage.tick();
      this.#announce();
    }, tickMs);
  }

  /**
   * The node is about to stop: it says so, and hands its leadership over if it can, within the
   * bound. Calls are served as before.
   */
  async leave(timeoutMs: number): Promise<void> {
    this.#stopping = true;
    this.#changed();
    if (this.#core.view.role !== "leader" || this.#membership.members.length === 1) return;
    const { outcome, target } = await this.#handovers.begin(undefined, timeoutMs);
    const { logger } = this.#options;
    if (outcome === "done") logger.info(`${target} leads now`);
    else logger.warn(`the leadership was not handed over: ${outcome}`);
  }

  /** Takes no more appends and finishes what is under way, within the bound. */
  async drain(timeoutMs: number): Promise<void> {
    const stopped = new Promise<void>((resolve) => (this.#drained = resolve));
    const answered = this.#router.stop();
    this.#driver.feed({ type: "stop" });
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => (timer = setTimeout(resolve, timeoutMs)));
    // A leader elsewhere answers what it was handed, though this node's core has stopped.
    await Promise.race([Promise.all([stopped, answered]), late]);
    clearTimeout(timer);
    this.#router.abandon();
  }

  /** Ends everything at once. */
  close(): void {
    clearInterval(this.#ticker);
    this.#storage.close();
    this.#peers.close();
  }

  appendRefusal(): SuraftError | undefined {
    return this.#router.refusal();
  }

  openAppender(listener: AppendListener, options: AppenderOptions): Appender {
    return this.#router.open(listener, options);
  }

  openForward(listener: ForwardListener): ForwardSink {
    return new ForwardedAppends({
      limits: this.limits,
      openAppender: (own, options) => this.openAppender(own, options),
      listener,
    });
  }

  outcomeOf(producerId: number, sequence: number): ProducerOutcome {
    return this.#core.outcomeOf(producerId, sequence);
  }

  async barrier(signal: AbortSignal): Promise<void> {
    if (await this.#driver.read(signal)) return;
    const { fault } = this.#core.view;
    if (fault?.kind === "corrupt") {
      const object = fault.position === undefined ? "" : segmentName(fault.position);
      throw new SuraftError("corrupt", fault.message, { details: { object } });
    }
    throw new SuraftError("unavailable", this.#whyNotServing() || "the read could not be proven");
  }

  tailAgeMs(): number {
    return performance.now() - this.#heardAtMs;
  }

  status(): NodeStatus {
    const { config, address, store } = this.#options;
    const { clusterId } = this.self;
    const { role, term, leaderId, fault } = this.#core.view;
    const { members } = this.#membership;
    const notServingReason = this.#whyNotServing();
    return {
      nodeId: config.nodeId,
      address,
      clusterId,
      role,
      term,
      leader: this.#membership.find(leaderId),
      members,
      membersVersion: this.#membership.list.version,
      tailPosition: this.#core.walk.tail,
      storeUrl: store.url,
      storeHealthy: this.#requests.healthy,
      fault,
      serving: notServingReason === "",
      notServingReason,
      version,
      startedAtMs: this.#startedAtMs,
      change: this.#change,
      storeRequests: store.counts,
      past: this.#storage.past,
    };
  }

  async transferLeadership({ targetId, timeoutMs }: TransferOptions): Promise<NodeMember> {
    const { electionTimeoutMs } = this.#options.config;
    const patienceMs = Math.max(2 * electionTimeoutMs, transferCreates * this.#requests.createMs);
    const bound = Math.min(patienceMs, timeoutMs);
    const { outcome, target } = await this.#handovers.begin(targetId, bound);
    const { members } = this.#membership;
    const leader = this.#membership.find(this.#core.view.leaderId);
    if (outcome === "done" && leader !== undefined) return leader;
    throw transferError(outcome, { target: target ?? targetId, leader, members });
  }

  async planMembers(change: MemberChange): Promise<PlannedMembers> {
    const { role, leaderId } = this.#core.view;
    const { members, list } = this.#membership;
    const leader = this.#membership.find(leaderId);
    if (role !== "leader") throw transferError("notLeader", { target: undefined, leader, members });
    return await planMembers({ self: this.self, ownAddress: this.#options.address, list }, change);
  }

  async forceLeadership(signal: AbortSignal): Promise<number> {
    if (this.#core.view.fault !== undefined || this.#stopping) {
      throw new SuraftError("unavailable", this.#whyNotServing());
    }
    if (this.#core.view.role !== "leader") this.#driver.feed({ type: "force" });
    return await untilLeading(this, signal);
  }

  watch(listener: (status: NodeStatus) => void): () => void {
    this.#watchers.add(listener);
    return () => this.#watchers.delete(listener);
  }

  receive(sender: Sender, message: Message, reply: (message: Message) => void): void {
    this.#driver.receive(sender, message, reply);
    const { leaderId, role } = this.#core.view;
    const heard = message.type === "heartbeatRequest" && role === "follower";
    if (heard && leaderId === sender.nodeId && this.#core.walk.tail >= message.tailPosition) {
      this.#heardAtMs = performance.now();
    }
  }

  forgetBarrier(nodeId: string, barrier: number): void {
    this.#driver.forgetBarrier(nodeId, barrier);
  }

  committed(segment: Segment, appends: readonly Append[], openedIds: readonly number[]): void {
    this.log.append(segment);
    this.#heardAtMs = performance.now();
    if (segment.type !== "entries" || appends.length === 0) return;
    this.#router.committed({
      // The core hands back the very objects that the router gave it.
      appends: appends as readonly RoutedAppend[],
      firstIndex: segment.firstIndex,
      term: segment.epoch.term,
      timestampMs: segment.timestampMs,
      openedIds,
    });
  }

  answered(append: Append, answer: Answer): void {
    const routed = append as RoutedAppend;
    if (answer.type === "refused") {
      return this.#router.returned([routed], refusalError(answer.refusal));
    }
    const standing = answer.standing ?? forgotten;
    this.#router.repeated(routed, { appendCount: 1, ...standing, repeat: true });
  }

  returned(appends: readonly Append[], reason: ReturnReason): void {
    this.#router.returned(appends as readonly RoutedAppend[], returnError(reason));
  }

  unknown(appends: readonly Append[]): void {
    const message = "leadership was lost before the outcome was known";
    const error = new SuraftError("unknown_outcome", message);
    this.#router.unknown(appends as readonly RoutedAppend[], error);
  }

  viewChanged(view: View): void {
    const { logger, config } = this.#options;
    const { role, term, leaderId, fault } = view;
    // What the last leader was not sent is given back, and goes the new way.
    if (leaderId !== undefined) this.#peers.leads(leaderId);
    this.#router.setRoute(this.#route(view));
    logger.info(`${role} in term ${term}, leader ${leaderId ?? "unknown"}`);
    this.#tellMembers();
    this.#changed();
    if (fault === undefined) return;
    logger.error(fault.message, { fault: fault.kind });
    if (fault.kind === "corrupt") return;
    this.#options.onFatal(new SuraftError("conflict", `node ${config.nodeId}: ${fault.message}`));
  }

  membersChanged(list: MemberList): void {
    this.#membership.update(list);
    this.#peers.update(this.#membership.members);
    this.#tellMembers();
    this.#changed();
  }

  /** Lists that are read on the way to the log's end are of the past: the last one is told. */
  #tellMembers(): void {
    const news = this.#core.view.role === "starting" ? undefined : this.#membership.takeNews();
    if (news === undefined) return;
    const { logger, config } = this.#options;
    logger.info(news.text);
    if (news.isRemoved) logger.warn(`${config.nodeId} was removed from the cluster`);
  }

  transferred(outcome: TransferOutcome, target: string | undefined): void {
    this.#handovers.ended({ outcome, target });
  }

  announced(member: NodeMember): string | undefined {
    const { nodeId, address } = member;
    if (this.#membership.announced(member)) {
      this.#options.logger.info(`${nodeId} is at ${address}`);
      this.#peers.update(this.#membership.members);
      this.#changed();
    } else if (this.#membership.find(nodeId)?.address === address) this.#peers.isBack(nodeId);
    return this.#core.view.leaderId;
  }

  /** A node that is no member hears of the leader from members only. */
  #leaderNamed(leaderId: string): void {
    const { own } = this.#membership;
    const isNews = this.#namedLeaderId !== leaderId;
    this.#namedLeaderId = leaderId;
    if (own === undefined && isNews) this.#router.setRoute(this.#route(this.#core.view));
  }

  leftBehind(manifest: ManifestView, ledger: LedgerSnapshot): void {
    this.#storage.restart(manifest, ledger);
  }

  stopped(): void {
    this.#drained();
  }

  broken(error: unknown): void {
    this.#options.onFatal(error instanceof Error ? error : new Error(String(error)));
  }

  /** While it hears no leader, it says where it is: others may look for it elsewhere. */
  #announce(): void {
    const now = performance.now();
    const { role, leaderId } = this.#core.view;
    if (leaderId !== undefined || role === "leader" || now < this.#announceDueMs) return;
    const { config, address } = this.#options;
    this.#announceDueMs = now + config.electionTimeoutMs;
    this.#peers.announce(address);
  }

  /**
   * While a batch is on its way the next one gathers for half of what a create takes; a lone append
   * never waits. Slow creates, for a slow store or for a busy machine, so get larger batches, and a
   * store is asked for at most a thousand objects a second, as a bucket likes it (STORE.md).
   */
  #gatherMs(): number {
    if (!this.#core.busy) return 0;
    return Math.max(1, Math.min(gatherMsMax, this.#requests.createMs / 2));
  }

  #route({ role, leaderId, fault }: View): Route {
    if (fault !== undefined) {
      return { type: "never", error: new SuraftError("unavailable", fault.message) };
    }
    if (role === "leader") return { type: "here" };
    const named = this.#membership.own === undefined ? this.#namedLeaderId : undefined;
    const nodeId = leaderId ?? named;
    return nodeId === undefined ? { type: "nowhere" } : { type: "leader", nodeId };
  }

  #storeHealthChanged(healthy: boolean, cause: string): void {
    const { logger } = this.#options;
    if (healthy) logger.info("the store answers again");
    else logger.warn(`the store does not answer: ${cause}`);
    this.#changed();
  }

  #whyNotServing(): string {
    return whyNotServing({
      view: this.#core.view,
      stopping: this.#stopping,
      isMember: this.#membership.own !== undefined,
      storeHealthy: this.#requests.healthy,
    });
  }

  #changed(): void {
    this.#change++;
    const status = this.status();
    for (const watcher of this.#watchers) watcher(status);
  }
}

/** Where a repeat stands of which the log remembers only that it does. */
const forgotten = { firstIndex: 0, entryCount: 0, term: 0, timestampMs: 0 };
