/** What makes a process a reader of the store and no node. */

import type { CoreSettings } from "../../src/core/options.js";
import type { Effect } from "../../src/core/protocol.js";
import { must } from "./violation.js";

const never = 2 ** 40;

/** Who is no member never stands; with these settings it does not even look around by itself. */
export const readerSettings: Partial<CoreSettings> = {
  electionTicksMin: never,
  electionTicksMax: never + 1,
  leaseTicks: 0,
};

/** A reader writes nothing, and speaks to nobody. */
export function mustOnlyRead(name: string, { type }: Effect): void {
  const writes = type === "create" || type === "send" || type === "createLease";
  must(!writes, "reader-writes", () => `${name} is no node and has a ${type}`);
}
