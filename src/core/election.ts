/**
 * Raft's election without a log comparison: it decides who tries to claim, the store decides who
 * leads (PROTOCOL.md section 6). Nothing is persisted.
 *
 * Invariant: one vote per term and process, ordered `(term, committed, candidate)`.
 * Invariant: a vote or pre-vote refused because a leader is heard does not raise the term.
 */

import { isVoter, mayStand, peersOf, quorumOf } from "./members.js";
import { sameEpoch } from "./types.js";
import type { CatchUp } from "./catch-up.js";
import type { Context } from "./context.js";
import type { KnownLog } from "./known-log.js";
import type { HeartbeatRequest, RequestId, VoteRequest, VoteResponse } from "./protocol.js";
import type { Epoch, NodeId, Position } from "./types.js";

/** The leader that this node hears. */
interface Heard {
  readonly epoch: Epoch;
  readonly leading: boolean;
  readonly atTick: number;
}

/** What a node has voted for, or follows: `committed` once it has heard the candidate lead. */
interface Vote {
  readonly term: number;
  readonly committed: boolean;
  readonly candidate: NodeId;
}

type Force = "operator" | "lease";

interface Candidacy {
  readonly type: "candidate";
  readonly preVote: boolean;
  /** A leader has asked for it. */
  readonly transfer: boolean;
  /** It needs no votes: an operator wants it, or the leader's lease in the store has expired. */
  readonly forced: Force | undefined;
  readonly term: number;
  readonly granted: Set<NodeId>;
  /** Who has answered at all. */
  readonly answered: Set<NodeId>;
  /** The candidacy began before this request: a proof as late shows that the tail was read. */
  readonly since: RequestId;
}

type Stage =
  /** `forced`: an operator wants it to lead, as soon as it has read the log. */
  | { readonly type: "starting"; readonly since: RequestId; readonly forced: boolean }
  | { readonly type: "follower" }
  | Candidacy
  /** Elected in this term: claims or leads, also while a greater one is seen (a transfer). */
  | { readonly type: "elected"; readonly term: number };

/** So many lone candidacies in a row are no accident. */
const loneCandidaciesMin = 3;

/** See {@link Election.#looks}. */
const looksMax = 63;

export class Election {
  readonly #context: Context;
  readonly #log: KnownLog;
  readonly #catchUp: CatchUp;
  #stage: Stage;
  #term = 0;
  #vote: Vote | undefined;
  #heard: Heard | undefined;
  #deadlineTick = 0;
  /** How many election timeouts pass, beyond the usual one, before a node that may not stand looks again. */
  #looks = 0;
  /** How many candidacies in a row no majority has answered. */
  #loneCandidacies = 0;

  constructor(context: Context, log: KnownLog, catchUp: CatchUp) {
    this.#context = context;
    this.#log = log;
    this.#catchUp = catchUp;
    this.#stage = { type: "starting", since: context.nextRequest, forced: false };
    catchUp.wantProof(context.nextRequest);
  }

  get stage(): Stage["type"] {
    return this.#stage.type;
  }

  /** The greatest term seen. */
  get term(): number {
    return Math.max(this.#term, this.#log.walk.term);
  }

  /** The leader that appends go to: heard lately, its claim committed. */
  get leaderId(): NodeId | undefined {
    return this.#heard?.leading === true ? this.#heard.epoch.leaderId : undefined;
  }

  /** Whether no majority has answered for several timeouts: it is unreachable, it does not refuse. */
  get isIsolated(): boolean {
    return this.#stage.type === "candidate" && this.#loneCandidacies >= loneCandidaciesMin;
  }

  /** Stands when no leader was heard for the election timeout. */
  tick(): void {
    if (this.#stage.type === "starting" || this.#stage.type === "elected") return;
    if (this.#context.now >= this.#deadlineTick) this.#stand();
  }

  /** Goes on where an answer has come. Returns the term that this node has won, if it has. */
  advance(): number | undefined {
    const stage = this.#stage;
    if (stage.type === "starting" && this.#catchUp.proof >= stage.since) {
      this.#started(stage.forced);
    }
    if (stage.type !== "candidate" || !this.#isElected(stage)) return undefined;
    if (this.#catchUp.proof < stage.since) return undefined;
    if (stage.preVote) {
      this.#askForVotes({ ...stage, preVote: false });
      return this.advance();
    }
    this.#stage = { type: "elected", term: stage.term };
    return stage.term;
  }

  /** The claim or the leadership is over. */
  steppedDown(): void {
    if (this.#stage.type === "elected") this.#follow();
  }

  /** The log is held anew: as a node that starts, it first reads it to its tail. */
  restart(): void {
    const stage = this.#stage;
    // An operator's wish outlives it: there may be nobody else to lead.
    const forced =
      stage.type === "candidate"
        ? stage.forced === "operator"
        : stage.type === "starting" && stage.forced;
    this.#heard = undefined;
    this.#stage = { type: "starting", since: this.#context.nextRequest, forced };
    this.#catchUp.wantProof(this.#context.nextRequest);
  }

  voteRequest(from: NodeId, request: VoteRequest): void {
    if (this.#stage.type === "starting") return;
    const { preVote, term, transfer } = request;
    const granted = (transfer || !this.#hearsLeader()) && this.#mayGrant(from, term);
    if (granted && !preVote) {
      this.#adopt(term);
      this.#vote = { term, committed: false, candidate: from };
      this.#heard = undefined;
      this.#resetTimer();
    }
    this.#context.emit({
      type: "send",
      to: from,
      message: {
        type: "voteResponse",
        term: this.term,
        requestTerm: term,
        preVote,
        granted,
        duplicate: false,
      },
    });
  }

  voteResponse(from: NodeId, response: VoteResponse): void {
    const stage = this.#stage;
    if (stage.type !== "candidate") return;
    stage.answered.add(from);
    if (response.granted) {
      const mine = stage.preVote === response.preVote && stage.term === response.requestTerm;
      if (mine) stage.granted.add(from);
    } else if (response.term > this.term) {
      this.#adopt(response.term);
      // Nobody's refusal undoes an operator's wish.
      if (stage.forced === "operator") this.#standAtOnce("operator");
    }
  }

  /** Follows the leader, or refuses it with a greater term. Returns whether it is followed. */
  heartbeat(request: HeartbeatRequest): boolean {
    const { epoch, leading } = request;
    if (!this.#mayFollow(epoch, leading)) return false;
    this.#adopt(epoch.term);
    this.#vote = { term: epoch.term, committed: true, candidate: epoch.leaderId };
    this.#heard = { epoch, leading, atTick: this.#context.now };
    this.#looks = 0;
    this.#loneCandidacies = 0;
    if (this.#stage.type !== "starting") this.#stage = { type: "follower" };
    this.#resetTimer();
    return true;
  }

  /**
   * Stands at once, without a pre-vote: the leader asks for it, or handed its voters to somebody
   * who did not claim. Who is told where the log ends, and that it is near, need not look first.
   */
  standNow(tail?: Position): void {
    if (this.#stage.type === "starting" || this.#stage.type === "elected") return;
    if (!this.#mayStand || (this.#stage.type === "candidate" && this.#stage.transfer)) return;
    this.#standAtOnce(undefined, tail);
  }

  /**
   * An operator wants this node to lead, whoever may be heard and whatever the members are; once it
   * has read the log.
   */
  force(): void {
    if (this.#stage.type === "elected") return;
    if (this.#stage.type === "starting") this.#stage = { ...this.#stage, forced: true };
    else this.#standAtOnce("operator");
  }

  /** No majority can be reached, and no leader has shown a sign of life in the store for a full lease. */
  leaseExpired(): void {
    if (this.#stage.type === "candidate") this.#standAtOnce("lease");
  }

  #standAtOnce(forced: Force | undefined, tail?: Position): void {
    this.#heard = undefined;
    const isNear = tail !== undefined && tail <= this.#log.tail + this.#log.walk.window;
    const since = isNear ? 0 : this.#context.nextRequest;
    if (isNear) this.#catchUp.demand(tail);
    else this.#catchUp.wantProof(since);
    this.#askForVotes({ preVote: false, transfer: true, forced, since });
  }

  /** Whether it follows the leader of this epoch. */
  follows(epoch: Epoch): boolean {
    return sameEpoch(this.#heard?.epoch, epoch);
  }

  /** A term was seen in a reply. */
  sawTerm(term: number): void {
    if (term > this.term) this.#adopt(term);
  }

  #started(forced: boolean): void {
    this.#stage = { type: "follower" };
    this.#resetTimer();
    if (forced) return this.#standAtOnce("operator");
    const { members } = this.#log.members;
    if (this.#mayStand && members.length === 1) this.#deadlineTick = this.#context.now;
  }

  #follow(): void {
    this.#stage = { type: "follower" };
    this.#heard = undefined;
    this.#resetTimer();
  }

  #stand(): void {
    this.#heard = undefined;
    this.#resetTimer();
    // Over a slow store the look at the tail outlasts a candidacy: the next one waits for it too.
    const stage = this.#stage;
    const looking = stage.type === "candidate" && this.#catchUp.proof < stage.since;
    // One that is forced waits for nothing else.
    if (looking && stage.forced !== undefined) return;
    if (!this.#mayStand) return this.#lookAround();
    if (stage.type === "candidate") {
      this.#loneCandidacies = this.#isMajority(stage.answered) ? 0 : this.#loneCandidacies + 1;
    }
    const since = looking ? stage.since : this.#context.nextRequest;
    this.#catchUp.wantProof(since);
    this.#askForVotes({ preVote: true, transfer: false, forced: undefined, since });
  }

  /**
   * Who may not stand finds out whether that is still so, ever more rarely: without a leader that
   * says so, only the log can.
   */
  #lookAround(): void {
    this.#stage = { type: "follower" };
    this.#catchUp.wantProof(this.#context.nextRequest);
    this.#deadlineTick += this.#context.options.settings.electionTicksMax * this.#looks;
    this.#looks = Math.min(2 * this.#looks + 1, looksMax);
  }

  get #mayStand(): boolean {
    return mayStand(this.#log.members, this.#context.options.nodeId);
  }

  #isElected({ granted, forced }: Candidacy): boolean {
    if (forced === "operator") return true;
    return (forced === "lease" || this.#isMajority(granted)) && this.#mayStand;
  }

  #isMajority(nodes: ReadonlySet<NodeId>): boolean {
    const list = this.#log.members;
    let count = 0;
    for (const nodeId of nodes) if (isVoter(list, nodeId)) count++;
    return count >= quorumOf(list);
  }

  #askForVotes(candidacy: Omit<Candidacy, "type" | "term" | "granted" | "answered">): void {
    const { preVote, transfer } = candidacy;
    const { nodeId } = this.#context.options;
    const list = this.#log.members;
    const term = this.term + 1;
    const [granted, answered] = [new Set([nodeId]), new Set([nodeId])];
    this.#stage = { ...candidacy, type: "candidate", term, granted, answered };
    if (!preVote) {
      this.#term = term;
      this.#vote = { term, committed: false, candidate: nodeId };
      this.#resetTimer();
    }
    const message = { type: "voteRequest", term, preVote, transfer } as const;
    for (const { nodeId: to, voter } of peersOf(list, nodeId)) {
      if (voter) this.#context.emit({ type: "send", to, message });
    }
  }

  #mayGrant(candidate: NodeId, term: number): boolean {
    if (term !== this.term) return term > this.term;
    if (term <= this.#log.walk.term) return false;
    const vote = this.#vote;
    if (vote === undefined || vote.term < term) return this.#stage.type !== "elected";
    return vote.candidate === candidate && !vote.committed;
  }

  /** The order of votes; an epoch that stands in the log outweighs any other of its term. */
  #mayFollow(epoch: Epoch, leading: boolean): boolean {
    if (epoch.term !== this.term) return epoch.term > this.term;
    if (this.#stage.type === "elected" && this.#stage.term === epoch.term) return false;
    if (sameEpoch(this.#log.walk.epoch, epoch)) return true;
    if (this.#log.walk.term === epoch.term) return false;
    const heard = this.#heard;
    if (heard === undefined || heard.epoch.term < epoch.term) return true;
    return sameEpoch(heard.epoch, epoch) || (leading && !heard.leading);
  }

  #hearsLeader(): boolean {
    if (this.#stage.type === "elected") return true;
    const heard = this.#heard;
    const { electionTicksMin } = this.#context.options.settings;
    return heard !== undefined && this.#context.now - heard.atTick < electionTicksMin;
  }

  /** A greater term ends a candidacy of a lesser one. */
  #adopt(term: number): void {
    if (term > this.#term) this.#term = term;
    if (
      this.#stage.type === "candidate" &&
      term >= this.#stage.term &&
      !this.#votedForItself(term)
    ) {
      this.#stage = { type: "follower" };
    }
  }

  #votedForItself(term: number): boolean {
    return this.#vote?.term === term && this.#vote.candidate === this.#context.options.nodeId;
  }

  #resetTimer(): void {
    const { electionTicksMin, electionTicksMax } = this.#context.options.settings;
    const spread = Math.floor(
      this.#context.options.random() * (electionTicksMax - electionTicksMin),
    );
    this.#deadlineTick = this.#context.now + electionTicksMin + spread;
  }
}
