/**
 * What a client is told of an append that the core refused or gave back. The kind says what to do next, the
 * details how the log is; `proto/suraft/v1/log.proto` has the list for clients.
 */

import { SuraftError } from "../errors.js";
import type { Refusal, ReturnReason } from "../core/protocol.js";

/** The error that stands for a refusal. */
export function refusalError(refusal: Refusal): SuraftError {
  switch (refusal.type) {
    case "producerExpired":
      return producerExpired(refusal.producerId);
    case "producerUnknown":
      return producerUnknown(refusal.producerId);
    case "producerClosed": {
      const { producerId, lastSequence } = refusal;
      const message = `producer ${producerId} was closed at its number ${lastSequence}`;
      return conflict("producer_closed", message, { producerId, lastSequence });
    }
    case "sequenceGap": {
      const { producerId, lastSequence } = refusal;
      const message = `the next number of producer ${producerId} is ${lastSequence + 1}`;
      return conflict("sequence_gap", message, { producerId, lastSequence });
    }
    case "sequenceReused": {
      const { producerId, sequence } = refusal;
      const message = `other entries stand under the number ${sequence} of producer ${producerId}`;
      return conflict("sequence_reused", message, { producerId, sequence });
    }
    case "indexMismatch": {
      const { nextIndex } = refusal;
      const message = `the next index is ${nextIndex}, not the expected one`;
      return conflict("expected_next_index", message, { nextIndex });
    }
    case "fenced": {
      const { sinceIndex } = refusal;
      const message =
        sinceIndex === 0
          ? "no fencing token is in force"
          : `another fencing token is in force since index ${sinceIndex}`;
      return conflict("fencing_token", message, { sinceIndex });
    }
    case "keyConflict": {
      const { key, index } = refusal;
      const message = `the last entry with the key ${JSON.stringify(key)} has index ${index}`;
      return conflict("key", message, { key, index });
    }
    case "keyForgotten": {
      const { key, reachIndex } = refusal;
      const message =
        `whether an entry had the key ${JSON.stringify(key)}` +
        ` is not remembered for indexes below ${reachIndex}`;
      return new SuraftError("out_of_range", message, { details: details({ key, reachIndex }) });
    }
    case "trimBeyondTail": {
      const { nextIndex } = refusal;
      const message = `the log cannot be trimmed beyond its next index ${nextIndex}`;
      return new SuraftError("out_of_range", message, { details: details({ nextIndex }) });
    }
    case "trimConflict": {
      const { firstIndex } = refusal;
      const message = `the log begins at index ${firstIndex}, not at the expected one`;
      return conflict("expected_first_index", message, { firstIndex });
    }
    case "membersConflict":
      return membersConflict(refusal.version);
  }
}

/** The list of members is not the one that the caller saw. */
export function membersConflict(membersVersion: number): SuraftError {
  const message = `the list of members has version ${membersVersion}; read it again`;
  return conflict("members_version", message, { membersVersion });
}

/** The error that stands for appends that came back: certainly not in the log. */
export function returnError(reason: ReturnReason): SuraftError {
  switch (reason) {
    case "overloaded":
      return new SuraftError("overloaded", "too many appends wait for the store; slow down");
    case "notLeader":
    case "deposed":
    case "leftBehind":
    case "storeUnavailable":
      // Worth another try, by whoever leads next.
      return new SuraftError("not_leader", `the leader stepped down: ${reason}`);
    case "stopping":
      return new SuraftError("not_leader", "the leader is stopping");
    case "notBegun":
      return new SuraftError("unavailable", "an earlier append of the same client was refused");
  }
}

/** The log has forgotten the producer, and with it what became of its appends. */
export function producerExpired(producerId: number): SuraftError {
  const message = `producer ${producerId} has expired: too many others were used after it`;
  return new SuraftError("producer_expired", message, { details: details({ producerId }) });
}

export function producerUnknown(producerId: number): SuraftError {
  const message = `producer ${producerId} was never opened`;
  return new SuraftError("invalid", message, { details: details({ producerId }) });
}

type Facts = Readonly<Record<string, string | number>>;

function conflict(condition: string, message: string, facts: Facts): SuraftError {
  return new SuraftError("conflict", message, { details: { condition, ...details(facts) } });
}

/** Names as metadata have them: `next_index`. */
function details(facts: Facts): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(facts).map(([name, value]) => [
      name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
      String(value),
    ]),
  );
}
