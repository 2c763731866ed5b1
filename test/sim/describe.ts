/** Inputs and effects as a line of a trace. */

import type { Effect, GetOutcome, Input, Message } from "../../src/core/protocol.js";
import type { ManifestView } from "../../src/core/manifest.js";
import type { Append, Epoch, Segment } from "../../src/core/types.js";
import { appendsOf, type SimAppend } from "./content.js";

/** Takes a line of a trace. */
export type Trace = (line: string) => void;

function describeEpoch({ term, leaderId, nonce }: Epoch): string {
  return `${term}/${leaderId}/${nonce.slice(0, 4)}`;
}

function describeAppends(appends: readonly Append[]): string {
  return `[${(appends as readonly SimAppend[]).map((append) => append.id).join(" ")}]`;
}

/** With all that is asked beside entries. */
function describeCalls(appends: readonly Append[]): string {
  const calls = (appends as readonly SimAppend[]).map(({ id, options, keys }) => {
    const told = JSON.stringify({ ...options, ...(keys && { keys }) });
    return told === "{}" ? `${id}` : `${id}${told.replaceAll('"', "")}`;
  });
  return `[${calls.join(" ")}]`;
}

/** A segment in a few words. */
export function describeSegment(segment: Segment): string {
  const head = `${segment.type} @${segment.position} of ${describeEpoch(segment.epoch)}`;
  if (segment.type === "claim") return `${head} K=${segment.window}`;
  const appends = describeAppends(appendsOf(segment));
  return `${head} after @${segment.previous.position} from index ${segment.firstIndex} ${appends}`;
}

function describeMessage(message: Message): string {
  const { type, ...rest } = message;
  const parts = Object.entries(rest).map(([name, value]) =>
    name === "epoch" ? describeEpoch(value as Epoch) : `${name}=${JSON.stringify(value)}`,
  );
  return [type, ...parts].join(" ");
}

function describeGot(outcome: GetOutcome): string {
  return outcome.type === "found" ? `found ${describeSegment(outcome.segment)}` : outcome.type;
}

/** A manifest in a few words. */
function describeManifest({
  number,
  floor,
  checkpoint,
  firstIndex,
  archives,
}: ManifestView): string {
  const checkpointAt = checkpoint === undefined ? "" : ` checkpoint @${checkpoint.walk.tail}`;
  const names = archives.map(
    ({ startPosition, endPosition }) => `@${startPosition}-@${endPosition}`,
  );
  return `manifest ${number} floor @${floor.tail}${checkpointAt} from index ${firstIndex} [${names.join(" ")}]`;
}

/** An input as a line. */
export function describeInput(input: Input): string {
  switch (input.type) {
    case "append":
      return `append ${describeCalls(input.appends)}`;
    case "read":
    case "readCancelled":
      return `${input.type} ${input.readId}`;
    case "message":
      return `from ${input.sender.nodeId}: ${describeMessage(input.message)}`;
    case "createResult":
      return `create #${input.request}: ${input.outcome}`;
    case "getResult":
      return `get #${input.request}: ${describeGot(input.outcome)}`;
    case "leasesResult": {
      const { outcome, request } = input;
      return `leases #${request}: ${outcome.type === "listed" ? outcome.greatest : outcome.type}`;
    }
    case "leaseResult":
      return `lease #${input.request}: ${input.outcome}`;
    case "transfer":
      return `transfer to ${input.target ?? "the best"}`;
    case "manifestResult": {
      const { outcome, request } = input;
      const got = outcome.type === "found" ? describeManifest(outcome.manifest) : outcome.type;
      return `readManifest #${request}: ${got}`;
    }
    case "ledgerResult":
      return `readLedger #${input.request}: ${input.outcome.type}`;
    default:
      return input.type;
  }
}

/** An effect as a line. */
export function describeEffect(effect: Effect): string {
  switch (effect.type) {
    case "create":
      return `create #${effect.request} ${describeSegment(effect.segment)}`;
    case "get":
      return `get #${effect.request} @${effect.position}`;
    case "readManifest":
      return `readManifest #${effect.request}`;
    case "readLedger":
      return `readLedger #${effect.request} of ${describeManifest(effect.manifest)}`;
    case "leftBehind":
      return `leftBehind ${describeManifest(effect.manifest)}`;
    case "send":
      return `to ${effect.to}: ${describeMessage(effect.message)}`;
    case "committed":
      return `committed ${describeSegment(effect.segment)}, own ${describeAppends(effect.appends)}`;
    case "answered":
      return `answered ${describeAppends([effect.append])}: ${JSON.stringify(effect.answer)}`;
    case "returned":
      return `returned ${describeAppends(effect.appends)}: ${effect.reason}`;
    case "unknown":
      return `unknown ${describeAppends(effect.appends)}`;
    case "readReady":
    case "readFailed":
      return `${effect.type} ${effect.readIds.join(" ")}`;
    case "view": {
      const { role, term, leaderId, fault } = effect.view;
      const failed = fault === undefined ? "" : ` FAULT ${fault.kind}: ${fault.message}`;
      return `view ${role} term ${term} leader ${leaderId ?? "?"}${failed}`;
    }
    case "listLeases":
      return `list leases #${effect.request} above ${effect.after}`;
    case "createLease":
      return `create lease #${effect.request} ${effect.number}`;
    case "deleteLease":
      return `delete lease ${effect.number}`;
    case "members":
      return `members ${effect.list.version}: ${effect.list.members.map(({ nodeId }) => nodeId).join(" ")}`;
    case "transferred":
      return `transferred to ${effect.target ?? "nobody"}: ${effect.outcome}`;
    case "stopped":
      return "stopped";
  }
}
