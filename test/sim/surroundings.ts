/** What a simulated process is given by its world. */

import type { NodeId } from "../../src/core/types.js";
import type { Message } from "../../src/core/protocol.js";
import type { SimAppend } from "./content.js";
import type { Trace } from "./describe.js";
import type { EventQueue } from "./event-queue.js";
import type { LifeWorld } from "./life/process-life.js";
import type { Plan } from "./plan.js";
import type { RunChecks } from "./run-checks.js";
import type { MakeCore } from "./any-core.js";
import type { SimProcess } from "./sim-process.js";
import type { SimStore } from "./sim-store.js";

/** What it lives in. */
export interface Surroundings {
  readonly plan: Plan;
  readonly queue: EventQueue;
  readonly store: SimStore;
  readonly checks: RunChecks;
  readonly makeCore: MakeCore;
  readonly life: LifeWorld;
  readonly trace: Trace | undefined;
  /** How long the node's tick is now. */
  readonly tickMsOf: (node: number) => number;
  readonly wallClockOf: (node: number) => number;
  readonly send: (from: SimProcess, to: NodeId, message: Message) => void;
  readonly viewChanged: (process: SimProcess) => void;
  readonly appendReturned: (append: SimAppend) => void;
  readonly stopped: (process: SimProcess) => void;
  /** Whether the run gave the process a reason for the fault. */
  readonly mayFault: (process: SimProcess, kind: string) => boolean;
}
