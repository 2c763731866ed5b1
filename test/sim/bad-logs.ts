/** Hand-made appends, segments and cores for the tests of the judges. */

import type { CoreSettings } from "../../src/core/options.js";
import { Ledger } from "../../src/core/ledger/ledger.js";
import { ledgerBounds } from "../../src/core/ledger/snapshot.js";
import { logStart } from "../../src/core/walk.js";
import type { Effect, Input, ProducerOutcome } from "../../src/core/protocol.js";
import type { Epoch, Predecessor, Segment } from "../../src/core/types.js";
import { makeAppend, seal, type Demand, type SimAppend } from "./content.js";
import { contentOf } from "./ledger/record-checks.js";
import { TrueLedger } from "./ledger/true-ledger.js";
import { ProcessChecks } from "./process-checks.js";
import { RunChecks } from "./run-checks.js";
import type { AnyCore } from "./any-core.js";
import { Violation } from "./violation.js";

export const settings: CoreSettings = {
  electionTicksMin: 10,
  electionTicksMax: 20,
  heartbeatTicks: 2,
  storeTimeoutTicks: 30,
  repeatTicks: 3,
  window: 2,
  segmentBytesMax: 100,
  segmentEntriesMax: 4,
  queueBytesMax: 1_000,
  leaseTicks: 0,
  readAhead: 4,
};

/** An epoch of node n1, unless told otherwise. */
export function epochOf(term: number, leaderId = "n1"): Epoch {
  return { term, leaderId, nonce: `nonce of ${leaderId} in ${term}` };
}

export function claimAt(position: number, epoch: Epoch): Segment {
  return seal({ type: "claim", position, epoch, window: 2 });
}

export function predecessor({ position, checksum }: Segment): Predecessor {
  return { position, checksum };
}

export function entriesAt(
  position: number,
  epoch: Epoch,
  options: {
    after: Segment;
    firstIndex: number;
    appends: readonly SimAppend[];
    timestampMs?: number;
    /** What the log says before it; it decides what a closing tells. */
    ledger?: TrueLedger;
  },
): Segment {
  const { after, firstIndex, appends, timestampMs = 1 } = options;
  const { ledger = new TrueLedger(ledgerBounds) } = options;
  return seal({
    type: "entries",
    position,
    epoch,
    previous: predecessor(after),
    firstIndex,
    entryCount: appends.reduce((sum, append) => sum + append.entryCount, 0),
    timestampMs,
    appends,
    ...contentOf(appends, ledger),
  });
}

/** The rule that the action breaks. */
export function broken(action: () => void): string {
  try {
    action();
  } catch (error) {
    if (error instanceof Violation) return error.rule;
    throw error;
  }
  return "none";
}

/** The judge of one process, and its run. */
export class Bench {
  readonly run = new RunChecks(settings, ledgerBounds, () => 0);
  readonly process = this.processOf(1, "n1");

  processOf(serial: number, nodeId: string): ProcessChecks {
    const name = `${nodeId}.${serial}`;
    return new ProcessChecks(this.run, { serial, name, nodeId, window: 2, copied: false });
  }

  /** An append of one entry, given to the process of a serial number. */
  append(process = this.process, processSerial = 1, demand: Partial<Demand> = {}): SimAppend {
    const id = this.run.nextOperation();
    const append = makeAppend(id, processSerial, { entryCount: 1, sizeBytes: 10, ...demand });
    process.appendBegan(append);
    return append;
  }

  /** The process sends the segment at a tick, and it lands and is answered. */
  land(segment: Segment, tick = 0): Segment {
    this.process.sent(segment, tick);
    this.run.log.landed(segment);
    this.process.createAnswered(segment, "created");
    return segment;
  }

  /** A committed claim of n1 at position 0. */
  claim(epoch = epochOf(1)): Segment {
    const claim = this.land(claimAt(0, epoch));
    this.process.committed(claim, []);
    return claim;
  }
}

/** A core that never does anything: it elects nobody. */
export class IdleCore implements AnyCore {
  readonly members = { version: 0, members: [] };
  readonly walk = logStart;
  readonly view = { role: "follower" } as const;
  readonly ledger = new Ledger(ledgerBounds);

  outcomeOf(): ProducerOutcome {
    return { type: "producerUnknown" };
  }

  step(input: Input): readonly Effect[] {
    if (input.type !== "append") return [];
    return [{ type: "returned", appends: input.appends, reason: "notLeader" }];
  }
}
