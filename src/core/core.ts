/**
 * One node's protocol as a function of its inputs: `step(input)` returns the effects to perform.
 *
 * No clock, no randomness, no I/O of its own: time is ticks, randomness is given, and what the
 * store, a peer or a client says comes in as an input. The simulator drives this same class.
 *
 * Invariant: whatever becomes known of a position passes through {@link Core.#learn}, and only what
 * {@link Answers} lets count gets there (PROTOCOL.md section 9).
 */

import { Answers } from "./answers.js";
import { CatchUp } from "./catch-up.js";
import { Context } from "./context.js";
import { Election } from "./election.js";
import { cloned, duplicate } from "./faults.js";
import { Heartbeats } from "./heartbeats.js";
import { KnownLog } from "./known-log.js";
import { Ledger } from "./ledger/ledger.js";
import { ledgerBounds } from "./ledger/snapshot.js";
import { Followers } from "./followers.js";
import { Lease } from "./lease.js";
import { isFarAhead } from "./message-term.js";
import { memberOf, mayStand } from "./members.js";
import { PeerProcesses } from "./peer-processes.js";
import { Reads } from "./reads.js";
import { Tenure } from "./tenure.js";
import { Transfer } from "./transfer.js";
import type { CoreOptions } from "./options.js";
import type { Passed } from "./known-log.js";
import type { LedgerSnapshot } from "./ledger/snapshot.js";
import type { MemberList } from "./members.js";
import type { WalkState } from "./walk.js";
import type {
  Effect,
  Fault,
  HeartbeatRequest,
  HeartbeatResponse,
  Input,
  Message,
  ProducerOutcome,
  RequestId,
  ReturnReason,
  Role,
  Sender,
  View,
} from "./protocol.js";
import type { Append, NodeId, Segment } from "./types.js";

/** How often a store timeout may double (PROTOCOL.md 4.7). */
const timeoutDoublingsMax = 6;

export class Core {
  readonly #context: Context;
  readonly #log: KnownLog;
  readonly #answers: Answers;
  readonly #catchUp: CatchUp;
  readonly #election: Election;
  readonly #reads: Reads;
  readonly #processes: PeerProcesses;
  readonly #followers: Followers;
  readonly #transfer: Transfer;
  readonly #lease: Lease;
  readonly #heartbeats: Heartbeats;
  /** The epoch in which this node claims or leads. */
  #tenure: Tenure | undefined;
  /** Earlier epochs of this node that still settle what they sent. */
  #settling: Tenure[] = [];
  #timeoutDoublings = 0;
  #announcedMembers: MemberList;
  #draining = false;
  #stopped = false;
  #fault: Fault | undefined;
  #view: View = { role: "starting", term: 0, leaderId: undefined, fault: undefined };

  constructor(options: CoreOptions) {
    this.#context = new Context(options);
    const { clusterId, start, members } = options;
    const ledger = this.#ledgerOf(start.ledger);
    this.#log = new KnownLog(clusterId, members, start.manifest.checkpoint?.walk, ledger);
    this.#announcedMembers = this.#log.members;
    this.#catchUp = new CatchUp(this.#context, this.#log);
    this.#election = new Election(this.#context, this.#log, this.#catchUp);
    this.#reads = new Reads(this.#context, this.#log, this.#catchUp);
    this.#processes = new PeerProcesses(this.#context);
    this.#followers = new Followers(this.#context);
    this.#heartbeats = new Heartbeats(this.#context, this.#log);
    this.#transfer = new Transfer(this.#context, this.#log, this.#followers);
    this.#lease = new Lease(this.#context, this.#log, this.#catchUp, this.#followers);
    this.#answers = new Answers(this.#context, this.#log, this.#catchUp, {
      owner: (request) => this.#owner(request),
      learn: (segment) => this.#learn(segment),
      learnDamage: (position, reason) => {
        this.#log.learnDamage(position, reason);
        this.#walkOn();
      },
      leftBehind: () => this.#leaveBehind(),
      restarted: (walk, manifest, ledger) => {
        this.#log.restart(walk, this.#ledgerOf(ledger));
        this.#context.emit({ type: "leftBehind", manifest, ledger });
      },
      fail: (fault) => this.#fail(fault),
    });
  }

  /** What this node knows of the log. */
  get walk(): WalkState {
    return this.#log.walk;
  }

  /** What the log as far as this node knows it has established beside entries. */
  get ledger(): Ledger {
    return this.#log.ledger;
  }

  /** What this node knows of a producer's number: linearizable if a read is proven before it. */
  outcomeOf(producerId: number, sequence: number): ProducerOutcome {
    return this.#log.ledger.outcomeOf(producerId, sequence);
  }

  get view(): View {
    return this.#view;
  }

  /** The members, by what this node knows of the log. */
  get members(): MemberList {
    return this.#log.members;
  }

  /** The bytes of the appends that wait for room in the window. */
  get queuedBytes(): number {
    return this.#tenure?.queuedBytes ?? 0;
  }

  /** Whether appends are under way in this node's epoch. */
  get busy(): boolean {
    return this.#tenure?.isBusy === true;
  }

  /**
   * Takes one input and returns what is to be done, in order. `ageMs` is the host's age clock, read after
   * the input came: it never moves back, counts sleep, and advances by the greatest of what the
   * host's clocks did (PROTOCOL.md section 9).
   */
  step(input: Input, ageMs: number): readonly Effect[] {
    this.#context.passTo(ageMs);
    if (this.#fault === undefined) this.#take(input);
    else this.#refuse(input);
    if (this.#fault === undefined) this.#pump();
    this.#announce();
    return this.#context.takeEffects();
  }

  #take(input: Input): void {
    switch (input.type) {
      case "tick":
        return this.#tick();
      case "append":
        return this.#append(input.appends, input.nowMs);
      case "read":
        return this.#reads.begin({ type: "local", readId: input.readId });
      case "readCancelled":
        return this.#reads.cancel(input.readId);
      case "message":
        return this.#message(input.sender, input.message);
      case "createResult":
      case "getResult":
        return this.#answers.hear(input);
      case "transfer":
        return this.#beginTransfer(input.target, input.timeoutTicks);
      case "manifestResult":
        return this.#answers.manifestRead(input.request, input.outcome);
      case "ledgerResult":
        return this.#answers.ledgerRead(input.request, input.outcome);
      case "leasesResult":
        return this.#lease.listed(input.request, input.outcome);
      case "leaseResult":
        return this.#lease.created(input.request, input.outcome);
      case "force":
        if (!this.#draining) this.#election.force();
        return;
      case "stop":
        this.#draining = true;
        return;
    }
  }

  /** A node at fault takes nothing in, and says so. */
  #refuse(input: Input): void {
    if (input.type === "append") this.#return(input.appends, "notLeader");
    if (input.type === "read") {
      this.#context.emit({ type: "readFailed", readIds: [input.readId] });
    }
    if (input.type === "transfer") this.#transfer.refuse(input.target, "notLeader");
    if (input.type === "stop") this.#context.emit({ type: "stopped" });
  }

  #tick(): void {
    this.#context.now++;
    if (!this.#draining) this.#election.tick();
    for (const tenure of this.#settling) tenure.tick();
    const tenure = this.#tenure;
    if (tenure?.tick() === "storeTimedOut") {
      if (tenure.phase === "claiming" && this.#timeoutDoublings < timeoutDoublingsMax) {
        this.#timeoutDoublings++;
      }
      this.#stepDown("storeUnavailable");
    }
  }

  #append(appends: readonly Append[], nowMs: number): void {
    const tenure = this.#tenure;
    if (tenure?.phase !== "leading") return this.#return(appends, "notLeader");
    if (this.#draining) return this.#return(appends, "stopping");
    const { queueBytesMax } = this.#context.options.settings;
    let bytes = tenure.queuedBytes;
    let count = 0;
    for (const append of appends) {
      bytes += append.sizeBytes;
      if (bytes > queueBytesMax) break;
      count++;
    }
    if (count > 0)
      tenure.append(count === appends.length ? appends : appends.slice(0, count), nowMs);
    if (count < appends.length) this.#return(appends.slice(count), "overloaded");
  }

  #message(sender: Sender, message: Message): void {
    const { nodeId: from } = sender;
    if (from === this.#context.options.nodeId) return;
    if (isFarAhead(message, this.#election.term)) return;
    // This node's list may be of the past: a stranger may be a member, and lead.
    const isMember = memberOf(this.#log.members, from) !== undefined;
    if (isMember && this.#processes.isSecond(sender)) return this.#processes.refuse(from, message);
    switch (message.type) {
      case "voteRequest":
        return this.#election.voteRequest(from, message);
      case "voteResponse":
        if (message.duplicate) return this.#fail(duplicate(this.#context.options.nodeId, from));
        return this.#election.voteResponse(from, message);
      case "heartbeatRequest":
        return this.#heartbeat(from, message);
      case "heartbeatResponse":
        return this.#heartbeatAnswered(from, message);
      case "barrierRequest":
        return this.#barrier(from, message.barrier);
      case "barrierResponse":
        return this.#reads.answered(message.barrier, message.tailPosition);
      case "standNow":
        if (!this.#election.follows(message.epoch) || this.#draining) return;
        return this.#election.standNow(message.tailPosition);
    }
  }

  #heartbeatAnswered(from: NodeId, response: HeartbeatResponse): void {
    if (response.duplicate) return this.#fail(duplicate(this.#context.options.nodeId, from));
    this.#followers.heard(from, response.tailPosition);
    this.#election.sawTerm(response.term);
  }

  #beginTransfer(target: NodeId | undefined, timeoutTicks: number): void {
    // Told first: whoever asked for the one under way waits for what that one comes to.
    if (this.#transfer.underWay) return this.#transfer.refuse(target, "busy");
    if (this.#tenure?.phase !== "leading") return this.#transfer.refuse(target, "notLeader");
    if (target === this.#context.options.nodeId) return this.#transfer.refuse(target, "done");
    const fits = target === undefined || mayStand(this.#log.members, target);
    if (!fits) return this.#transfer.refuse(target, "noVoter");
    this.#transfer.begin(target, timeoutTicks);
    this.#tenure.paused = this.#transfer.underWay;
  }

  /** A leader that may not stand, or of which another member is preferred, hands over by itself. */
  #prefer(): void {
    const tenure = this.#tenure;
    if (tenure?.phase !== "leading" || this.#draining || !this.#transfer.prefer()) return;
    tenure.paused = true;
  }

  /** Hands the leadership over, or goes on with it when the time for that is up. */
  #pumpTransfer(): void {
    const tenure = this.#tenure;
    const isOver = this.#transfer.pump(this.#leaderId(), tenure);
    if (!isOver || tenure === undefined) return;
    tenure.paused = false;
    // The voters are at a greater term: they hear this node again once it has claimed in one.
    if (this.#election.term === tenure.epoch.term) return tenure.pump();
    this.#stepDown("deposed");
    this.#election.standNow();
  }

  #pumpLease(): void {
    if (this.#tenure?.phase === "leading") return this.#lease.lead(this.#tenure.epoch);
    const mayClaim = this.#lease.watch(this.#election.isIsolated);
    if (mayClaim && !this.#draining) this.#election.leaseExpired();
  }

  #heartbeat(from: NodeId, request: HeartbeatRequest): void {
    if (request.epoch.leaderId !== from) return;
    const follows = this.#election.heartbeat(request);
    if (follows) {
      this.#lease.heard(request.greatestLease);
      this.#stepDown("deposed");
      this.#catchUp.demand(request.tailPosition);
    }
    if (follows && !request.replyWanted) return;
    this.#context.emit({
      type: "send",
      to: from,
      message: {
        type: "heartbeatResponse",
        term: this.#election.term,
        tailPosition: this.#log.tail,
        duplicate: false,
      },
    });
  }

  #barrier(from: NodeId, barrier: number): void {
    if (this.#tenure?.phase === "leading") {
      this.#reads.begin({ type: "follower", nodeId: from, barrier });
      return;
    }
    const message = { type: "barrierResponse", barrier, tailPosition: undefined } as const;
    this.#context.emit({ type: "send", to: from, message });
  }

  #owner(request: RequestId): Tenure | undefined {
    if (this.#tenure?.owns(request) === true) return this.#tenure;
    return this.#settling.find((tenure) => tenure.owns(request));
  }

  /** It has become known what stands at a position. */
  #learn(segment: Segment): void {
    if (this.#log.knows(segment.position)) return;
    this.#log.learn(segment);
    for (const tenure of this.#tenures()) {
      const verdict = tenure.learned(segment);
      if (verdict === "cloned") return this.#fail(cloned(segment));
      if (verdict === "deposed" && tenure === this.#tenure) this.#stepDown("deposed");
    }
    this.#walkOn();
  }

  #walkOn(): void {
    for (let passed = this.#log.next(); passed !== undefined; passed = this.#log.next()) {
      if ("kind" in passed) return this.#fail(passed);
      this.#pass(passed);
    }
  }

  #pass({ segment, valid }: Passed): void {
    let appends: readonly Append[] = [];
    for (const tenure of this.#tenures()) {
      const sent = tenure.passed(segment, valid);
      if (sent !== undefined) {
        appends = sent.appends;
        this.#catchUp.prove(sent.firstRequest);
        this.#answers.anchor(sent.firstAgeMs);
        this.#timeoutDoublings = 0;
      }
      if (valid && segment.type === "claim" && tenure.endedBy(segment)) {
        tenure.endedAt(segment.position);
        if (tenure === this.#tenure) this.#stepDown("deposed");
      }
    }
    if (!valid) return;
    const openedIds = appends.length === 0 ? undefined : this.#log.ledger.openedBy(segment);
    this.#context.emit({ type: "committed", segment, appends, ...(openedIds && { openedIds }) });
  }

  /** A leader that knows of a greater term leads no more: those who are in it do not hear it. */
  #yieldToTerm(): void {
    const tenure = this.#tenure;
    if (tenure === undefined || this.#election.term <= tenure.epoch.term) return;
    // During a transfer it is the target's term: the leader is there until the target has claimed.
    if (!this.#transfer.underWay) this.#stepDown("deposed");
  }

  /** Goes on wherever the input has opened a way. */
  #pump(): void {
    this.#yieldToTerm();
    // A vote that was under way when the node was told to stop elects nobody.
    const term = this.#draining ? undefined : this.#election.advance();
    if (term !== undefined) this.#elected(term);
    this.#tenure?.pump();
    this.#pumpTransfer();
    this.#pumpLease();
    this.#settling = this.#settling.filter((tenure) => !tenure.isOver);
    if (this.#draining) this.#drain();
    this.#reads.pump({ leader: this.#leaderId(), busy: this.busy });
    this.#answers.pump();
    if (!this.#answers.isBlocked) this.#catchUp.pump();
    this.#beat();
  }

  #elected(term: number): void {
    if (term <= this.#log.walk.term) return this.#election.steppedDown();
    const { nodeId, nonce, settings } = this.#context.options;
    const epoch = { term, leaderId: nodeId, nonce: nonce() };
    const timeoutTicks = settings.storeTimeoutTicks * 2 ** this.#timeoutDoublings;
    this.#tenure = new Tenure(this.#context, this.#log, this.#catchUp, epoch, timeoutTicks);
    this.#heartbeats.begin();
  }

  #stepDown(reason: ReturnReason): void {
    const tenure = this.#tenure;
    if (tenure === undefined) return;
    tenure.stepDown(reason);
    this.#tenure = undefined;
    this.#settling.push(tenure);
    this.#election.steppedDown();
  }

  #ledgerOf(snapshot: LedgerSnapshot | undefined): Ledger {
    const { ledgerBounds: bounds = ledgerBounds } = this.#context.options;
    return snapshot === undefined ? new Ledger(bounds) : Ledger.restore(snapshot, bounds);
  }

  /** What is open has an unknown fate; nothing that was asked before is believed any more. */
  #leaveBehind(): void {
    this.#giveUp("leftBehind");
    this.#catchUp.restart();
    this.#election.restart();
  }

  #giveUp(why: Fault["kind"] | "leftBehind"): void {
    for (const tenure of this.#tenures()) tenure.abandon(why);
    this.#tenure = undefined;
    this.#settling = [];
  }

  /** The leader's own appends are finished; then nobody hears from it any more. */
  #drain(): void {
    if (this.#tenure?.phase === "claiming" || this.#tenure?.isIdle === true) {
      this.#stepDown("stopping");
      this.#settling = this.#settling.filter((tenure) => !tenure.isOver);
    }
    if (this.#stopped || this.#tenure !== undefined || this.#settling.length > 0) return;
    this.#stopped = true;
    this.#context.emit({ type: "stopped" });
  }

  #beat(): void {
    const tenure = this.#tenure;
    if (tenure === undefined) return;
    const { greatest } = this.#lease;
    if (this.#heartbeats.pump(tenure.epoch, tenure.phase === "leading", greatest)) this.#prefer();
  }

  #tenures(): readonly Tenure[] {
    return this.#tenure === undefined ? this.#settling : [this.#tenure, ...this.#settling];
  }

  #leaderId(): NodeId | undefined {
    if (this.#tenure === undefined) return this.#election.leaderId;
    return this.#tenure.phase === "leading" ? this.#context.options.nodeId : undefined;
  }

  #role(): Role {
    if (this.#tenure?.phase === "leading") return "leader";
    const { stage } = this.#election;
    return stage === "elected" ? "candidate" : stage;
  }

  #announce(): void {
    const list = this.#log.members;
    if (list !== this.#announcedMembers) {
      this.#heartbeats.membersChanged(this.#announcedMembers, list);
      this.#announcedMembers = list;
      this.#context.emit({ type: "members", list });
    }
    const view: View = {
      role: this.#fault === undefined ? this.#role() : "follower",
      term: this.#tenure?.phase === "leading" ? this.#tenure.epoch.term : this.#election.term,
      leaderId: this.#fault === undefined ? this.#leaderId() : undefined,
      fault: this.#fault,
    };
    const { role, term, leaderId, fault } = this.#view;
    const same =
      role === view.role &&
      term === view.term &&
      leaderId === view.leaderId &&
      fault === view.fault;
    if (same) return;
    this.#view = view;
    this.#context.emit({ type: "view", view });
  }

  #return(appends: readonly Append[], reason: ReturnReason): void {
    if (appends.length > 0) this.#context.emit({ type: "returned", appends, reason });
  }

  /** Goes on no more: what is open has an unknown fate, and nothing new is taken in. */
  #fail(fault: Fault): void {
    this.#fault = fault;
    this.#giveUp(fault.kind);
    this.#answers.drop();
    this.#reads.failAll();
    if (this.#draining) this.#drain();
  }
}
