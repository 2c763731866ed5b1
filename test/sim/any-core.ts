/** The core, as the simulator drives it: the production core, or one with a bug planted. */

import type { MemberList } from "../../src/core/members.js";
import type { CoreOptions } from "../../src/core/options.js";
import type { Effect, Input, ProducerOutcome } from "../../src/core/protocol.js";
import type { UpkeepLog } from "../../src/core/upkeep/protocol.js";

export interface AnyCore extends UpkeepLog {
  step(input: Input, ageMs: number): readonly Effect[];
  outcomeOf(producerId: number, sequence: number): ProducerOutcome;
  readonly members: MemberList;
}

export type MakeCore = (options: CoreOptions) => AnyCore;
