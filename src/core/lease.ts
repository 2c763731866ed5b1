/**
 * Storage as arbiter (PROTOCOL.md section 6): a leader that a voter may not hear shows in the store
 * that it lives, and a voter that reaches no majority claims without votes once nobody does.
 *
 * Leases are a series of numbered objects, `lease/<number>`; all that counts is whether the
 * greatest number grows. They prove nothing about leadership or reads: the store decides who leads.
 *
 * Invariant: a renewal is sent only after a commit, or a look that found the tail, later than the
 * renewal before it: a leader that no longer sees the log does not hold the others back.
 * Invariant: while the leader hears all voters, and a node its leader, nothing is asked of the store
 * but one listing by each new leader: heartbeats carry what it found.
 */

import { mayStand, peersOf } from "./members.js";
import type { CatchUp } from "./catch-up.js";
import type { Context } from "./context.js";
import type { Followers } from "./followers.js";
import type { KnownLog } from "./known-log.js";
import type { CreateOutcome, LeasesOutcome, RequestId } from "./protocol.js";
import type { Epoch } from "./types.js";

/** A leader renews so often in the time of a lease. */
const renewalsPerLease = 3;
/** So many renewals are left behind the newest: late ones may still be on their way. */
const leasesKept = 2;

interface Listing {
  readonly request: RequestId;
  readonly sentTick: number;
}

export class Lease {
  readonly #context: Context;
  readonly #log: KnownLog;
  readonly #catchUp: CatchUp;
  readonly #followers: Followers;
  /** The greatest number known to stand; -1 if none was found. Undefined: not known. */
  #greatest: number | undefined;
  #listing: Listing | undefined;
  #creating: { readonly request: RequestId; readonly number: number } | undefined;
  /** No request is sent before. */
  #dueTick = 0;
  /** The renewal that is due waits for a proof as late as this; 0: none is due. */
  #evidenceSince: RequestId = 0;
  /** Since when the series is known not to have moved. */
  #stillSinceTick: number | undefined;
  #hasExpired = false;

  constructor(context: Context, log: KnownLog, catchUp: CatchUp, followers: Followers) {
    this.#context = context;
    this.#log = log;
    this.#catchUp = catchUp;
    this.#followers = followers;
  }

  get #isOn(): boolean {
    return this.#context.options.settings.leaseTicks > 0;
  }

  /** The greatest number, for those that follow this leader. */
  get greatest(): number | undefined {
    return this.#greatest;
  }

  /** The leader lives; it says what the greatest number is, if it knows. */
  heard(greatest: number | undefined): void {
    this.#greatest = greatest;
    this.#stillSinceTick = greatest === undefined ? undefined : this.#context.now;
    this.#hasExpired = false;
  }

  /** This node leads: it renews as long as a voter does not answer. */
  lead(epoch: Epoch): void {
    this.#stillSinceTick = undefined;
    const { now } = this.#context;
    if (!this.#isOn || this.#creating !== undefined || this.#listing !== undefined) return;
    if (now < this.#dueTick) return;
    // Known from the first, so that followers need not wait for a lease that they know nothing of.
    if (this.#greatest === undefined) return this.#list();
    if (!this.#isMissed()) return;
    if (this.#evidenceSince === 0) {
      this.#evidenceSince = this.#context.nextRequest;
      this.#catchUp.wantProof(this.#evidenceSince);
    }
    if (this.#catchUp.proof < this.#evidenceSince) return;
    const number = this.#greatest + 1;
    const request = this.#context.newRequest();
    this.#creating = { request, number };
    this.#evidenceSince = 0;
    this.#dueTick = now + this.#everyTicks;
    this.#context.emit({ type: "createLease", request, number, epoch });
  }

  /**
   * This node reaches no majority, or it does. Returns true if it reaches none and the series has not
   * moved for a full lease: then it may claim.
   */
  watch(isIsolated: boolean): boolean {
    this.#evidenceSince = 0;
    const { now, options } = this.#context;
    const { settings, nodeId } = options;
    if (!this.#isOn || !isIsolated || !mayStand(this.#log.members, nodeId)) return false;
    if (this.#hasExpired) {
      // Should the claim come to nothing, another lease is waited for.
      this.#hasExpired = false;
      this.#stillSinceTick = now;
      return true;
    }
    const since = this.#stillSinceTick;
    const mayHaveExpired = since === undefined || now - since >= settings.leaseTicks;
    if (mayHaveExpired && this.#listing === undefined && now >= this.#dueTick) this.#list();
    return false;
  }

  /** The series was listed. */
  listed(request: RequestId, outcome: LeasesOutcome): void {
    const listing = this.#listing;
    if (listing?.request !== request) return;
    this.#listing = undefined;
    const { now, options } = this.#context;
    if (outcome.type === "unavailable") {
      this.#dueTick = now + this.#everyTicks;
      return;
    }
    const before = this.#greatest;
    this.#greatest = Math.max(outcome.greatest, before ?? -1);
    if (this.#stillSinceTick === undefined || this.#greatest !== before) this.#stillSinceTick = now;
    this.#hasExpired = listing.sentTick - this.#stillSinceTick >= options.settings.leaseTicks;
  }

  /** A renewal was answered. */
  created(request: RequestId, outcome: CreateOutcome): void {
    const creating = this.#creating;
    if (creating?.request !== request) return;
    this.#creating = undefined;
    if (outcome !== "created") {
      // Another's, or perhaps this one all the same: look what the greatest number is.
      this.#greatest = undefined;
      return;
    }
    this.#greatest = creating.number;
    const old = creating.number - leasesKept;
    if (old >= 0) this.#context.emit({ type: "deleteLease", number: old });
  }

  #list(): void {
    const request = this.#context.newRequest();
    this.#listing = { request, sentTick: this.#context.now };
    this.#context.emit({ type: "listLeases", request, after: this.#greatest ?? -1 });
  }

  /** Whether a voter may not hear this leader. */
  #isMissed(): boolean {
    for (const { nodeId, voter } of peersOf(this.#log.members, this.#context.options.nodeId)) {
      if (voter && !this.#followers.isLive(nodeId)) return true;
    }
    return false;
  }

  get #everyTicks(): number {
    return Math.max(1, Math.floor(this.#context.options.settings.leaseTicks / renewalsPerLease));
  }
}
