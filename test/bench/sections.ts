/** All sections, by the names that the command line knows. */

import { archive } from "./sections/archive.js";
import { catchUp, coldStart } from "./sections/cold-start.js";
import { cost } from "./sections/cost.js";
import { delay } from "./sections/delay.js";
import { failover } from "./sections/failover.js";
import { followers } from "./sections/followers.js";
import { growth } from "./sections/growth.js";
import { latency } from "./sections/latency.js";
import { ledger } from "./sections/ledger.js";
import { library } from "./sections/library.js";
import { locks } from "./sections/locks.js";
import { longLog } from "./sections/long-log.js";
import { memory } from "./sections/memory.js";
import { overload } from "./sections/overload.js";
import { peers } from "./sections/peers.js";
import { proofs } from "./sections/proofs.js";
import { read } from "./sections/read.js";
import { recovery } from "./sections/recovery.js";
import { session } from "./sections/session.js";
import { unary } from "./sections/unary.js";
import { verify } from "./sections/verify.js";
import type { Section } from "./section.js";

/** What a run measures by default, in a few minutes. */
export const mainSections: Readonly<Record<string, Section>> = {
  unary,
  session,
  latency,
  read,
  delay,
  "cold-start": coldStart,
  failover,
  cost,
  growth,
  memory,
  overload,
  peers,
};

/** What is measured by name, or in a long run. */
export const furtherSections: Readonly<Record<string, Section>> = {
  proofs,
  followers,
  "long-log": longLog,
  "catch-up": catchUp,
  archive,
  ledger,
  library,
  recovery,
  locks,
  verify,
};
