/**
 * The deliberate bugs of changing members and of the store as arbiter.
 *
 * Left out: what only costs an election more. Votes give no safety: a wrong list, vote or lease makes two
 * nodes claim, and the store still picks one.
 */

import { mutant, type Mutant } from "../mutant.js";

export const membersMutants: readonly Mutant[] = [
  {
    ...mutant("6", "leads on after it has voted in a greater term", 1000, [
      "core.js",
      "if (!this.#transfer.underWay)",
      "if (false)",
    ]),
    profile: "members",
  },
  mutant("5", "changes the members whatever version was seen", 200, [
    "judge-append.js",
    "return control.list.version === version + 1",
    "return control.list.version !== -1",
  ]),
  mutant("6", "claims never without a majority, though no lease grows", 200, [
    "lease.js",
    "this.#hasExpired = listing.sentTick",
    "this.#hasExpired = false && listing.sentTick",
  ]),
  mutant("6", "renews its lease though every voter answers", 200, [
    "lease.js",
    "if (voter && !this.#followers.isLive(nodeId))",
    "if (voter)",
  ]),
];
