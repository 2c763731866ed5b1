/** The words of a transcript: one line for each effect. */

import type { Answer, Effect, Message, View } from "../../src/core/protocol.js";
import type { MemberList } from "../../src/core/members.js";
import type { Append, Epoch, LogRecord, Segment } from "../../src/core/types.js";

/** An append of a transcript. */
export interface NamedAppend extends Append {
  readonly name: string;
}

/** What the transcript's seal puts into a segment. */
export interface Body {
  readonly appends: readonly NamedAppend[];
}

/** The names of appends that the transcript has made. */
export function namesOf(appends: readonly Append[]): string {
  return (appends as readonly NamedAppend[]).map(({ name }) => name).join(" ");
}

/** Epochs by short names: `2a`, and with a prime what another process of `a` opened in that term. */
export class EpochNames {
  readonly #noncesOf = new Map<string, string[]>();

  of({ term, leaderId, nonce }: Epoch): string {
    const name = `${term}${leaderId}`;
    const nonces = this.#noncesOf.get(name) ?? [];
    if (!nonces.includes(nonce)) nonces.push(nonce);
    this.#noncesOf.set(name, nonces);
    return name + "'".repeat(nonces.indexOf(nonce));
  }
}

export function describeSegment(segment: Segment, epochs: EpochNames): string {
  const epoch = epochs.of(segment.epoch);
  if (segment.type === "claim") return `claim ${epoch}`;
  const { firstIndex, entryCount, previous, body } = segment;
  const names = namesOf((body as Body).appends);
  const noted = segment.records.map((record) => `, ${describeRecord(record)}`).join("");
  const range = indexRange(firstIndex, entryCount);
  return `${epoch} ${range} (${names}) after ${previous.position}${noted}`;
}

function describeRecord(record: LogRecord): string {
  switch (record.type) {
    case "produced":
      return `${record.sequence} of producer ${record.producerId}`;
    case "opened":
      return "opens a producer";
    case "closed":
      return `closes producer ${record.producerId} at ${record.lastSequence}`;
    case "fenced":
      return `fences with ${record.token}`;
    case "trimmed":
      return `trims to ${record.firstIndex}`;
    case "members":
      return `members ${namesOfMembers(record.list)}`;
  }
}

/** Learners in parentheses. */
function namesOfMembers({ version, members }: MemberList): string {
  const names = members.map(({ nodeId, voter }) => (voter ? nodeId : `(${nodeId})`));
  return `${names.join(" ")} (version ${version})`;
}

function indexRange(firstIndex: number, entryCount: number): string {
  if (entryCount === 0) return "no entries";
  return entryCount === 1 ? `${firstIndex}` : `${firstIndex}-${firstIndex + entryCount - 1}`;
}

/** The message, and how the sentence about its receivers begins. */
function describeMessage(message: Message, epochs: EpochNames): [verb: string, text: string] {
  switch (message.type) {
    case "voteRequest": {
      const kind = message.preVote ? "pre-vote" : "vote";
      const asked = message.transfer ? ", as the leader wants it" : "";
      return ["asks", `${kind} in term ${message.term}${asked}?`];
    }
    case "voteResponse": {
      if (message.duplicate) return ["tells", "another process uses your id"];
      const kind = message.preVote ? "pre-vote" : "vote";
      const answer = message.granted ? "granted" : `refused, my term is ${message.term}`;
      return ["tells", `${kind} in term ${message.requestTerm} ${answer}`];
    }
    case "heartbeatRequest": {
      const verb = message.leading ? "lead" : "claim";
      const reply = message.replyWanted ? ", who hears?" : "";
      return [
        "tells",
        `I ${verb} ${epochs.of(message.epoch)}, tail ${message.tailPosition}${reply}`,
      ];
    }
    case "heartbeatResponse": {
      if (message.duplicate) return ["tells", "another process uses your id"];
      return ["tells", `heard, my term is ${message.term}, tail ${message.tailPosition}`];
    }
    case "barrierRequest":
      return ["asks", "how far must I read?"];
    case "standNow":
      return ["tells", `take over from ${epochs.of(message.epoch)}`];
    case "barrierResponse": {
      const { tailPosition } = message;
      return [
        "tells",
        tailPosition === undefined ? "no proof to be had" : `read to ${tailPosition}`,
      ];
    }
  }
}

function describeAnswer(answer: Answer): string {
  if (answer.type === "refused") {
    const { type, ...facts } = answer.refusal;
    const told = Object.entries(facts).map(([name, value]) => `${name} ${String(value)}`);
    return `refused, ${[type, ...told].join(", ")}`;
  }
  const { standing } = answer;
  if (standing === undefined) return "a repeat, index forgotten";
  const { firstIndex, entryCount, term } = standing;
  return `a repeat of ${indexRange(firstIndex, entryCount)} in term ${term}`;
}

function describeView({ role, term, leaderId, fault }: View): string {
  if (fault !== undefined) {
    const place = fault.position === undefined ? "" : ` at ${fault.position}`;
    return `FAULT, ${fault.kind}${place}: ${fault.message}`;
  }
  if (role === "leader") return `is leader, term ${term}`;
  if (role === "follower" && leaderId !== undefined) return `follows ${leaderId}, term ${term}`;
  return `is ${role}, term ${term}`;
}

function describeOne(effect: Exclude<Effect, { type: "send" }>, epochs: EpochNames): string {
  switch (effect.type) {
    case "create":
      return `create ${effect.segment.position}: ${describeSegment(effect.segment, epochs)}`;
    case "get":
      return `get ${effect.position}`;
    case "readManifest":
      return "read the manifest";
    case "readLedger":
      return `read the ledger of manifest ${effect.manifest.number}`;
    case "leftBehind":
      return `was left behind, goes on from ${effect.manifest.checkpoint?.walk.tail}`;
    case "committed": {
      const { segment, appends, openedIds } = effect;
      const acknowledged = appends.length === 0 ? "" : `, acknowledges ${namesOf(appends)}`;
      const opened = openedIds === undefined ? "" : `, opened ${openedIds.join(" ")}`;
      const told = `${acknowledged}${opened}`;
      return `committed ${segment.position}: ${describeSegment(segment, epochs)}${told}`;
    }
    case "answered":
      return `answers ${namesOf([effect.append])}: ${describeAnswer(effect.answer)}`;
    case "returned":
      return `returns ${namesOf(effect.appends)}: ${effect.reason}, certainly not in the log`;
    case "unknown":
      return `gives up ${namesOf(effect.appends)}: fate unknown`;
    case "readReady":
      return `read ${effect.readIds.join(" ")} is proven`;
    case "readFailed":
      return `read ${effect.readIds.join(" ")} failed`;
    case "view":
      return describeView(effect.view);
    case "listLeases":
      return `list the leases above ${effect.after}`;
    case "createLease":
      return `create lease ${effect.number} of ${epochs.of(effect.epoch)}`;
    case "deleteLease":
      return `delete lease ${effect.number}`;
    case "members": {
      return `has members ${namesOfMembers(effect.list)}`;
    }
    case "transferred": {
      const target = effect.target === undefined ? "" : ` to ${effect.target}`;
      return `transfer${target}: ${effect.outcome}`;
    }
    case "stopped":
      return "stopped";
  }
}

/** The effects of one step, a line each; one message to several nodes is one line. */
export function describeEffects(effects: readonly Effect[], epochs: EpochNames): readonly string[] {
  const lines: { verb: string; to: string[]; text: string }[] = [];
  for (const effect of effects) {
    if (effect.type !== "send") {
      lines.push({ verb: "", to: [], text: describeOne(effect, epochs) });
      continue;
    }
    const [verb, text] = describeMessage(effect.message, epochs);
    const same = lines.find((line) => line.verb === verb && line.text === text);
    if (same === undefined) lines.push({ verb, to: [effect.to], text });
    else same.to.push(effect.to);
  }
  return lines.map(({ verb, to, text }) =>
    verb === "" ? text : `${verb} ${to.join(" ")}: ${text}`,
  );
}
