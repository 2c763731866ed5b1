/** The terms in messages, and which of them are believed. */

import type { Message } from "./protocol.js";

/**
 * No sound node is so many elections ahead, since pre-votes keep terms together. A message that
 * claims to be is not believed: adopted, its term would leave the cluster none to go on to.
 */
const termLeadMax = 2 ** 20;

/** Whether a message would make a node at this term adopt one that it does not believe. */
export function isFarAhead(message: Message, term: number): boolean {
  return termOf(message) > term + termLeadMax;
}

/** The greatest term that a message would make its receiver adopt. */
function termOf(message: Message): number {
  switch (message.type) {
    case "heartbeatRequest":
      return message.epoch.term;
    case "voteRequest":
    case "voteResponse":
    case "heartbeatResponse":
      return message.term;
    default:
      return 0;
  }
}
