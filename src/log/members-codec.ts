/** Lists of members to bytes and back: `suraft.storage.v1.Members`, as canonical as the record around it. */

import type { Member, MemberList } from "../core/members.js";
import { bytesFieldSize, FieldWriter, varintFieldSize } from "./wire.js";
import { Malformed, readMessage } from "./fields.js";
import type { Decoded, Fields } from "./fields.js";

/** A cluster has at most so many members. */
export const membersMax = 100;

export function membersSize({ version, members }: MemberList): number {
  const listSize = members.reduce((sum, member) => sum + bytesFieldSize(memberSize(member)), 0);
  return varintFieldSize(version) + listSize;
}

function memberSize({ nodeId, address, voter, priority }: Member): number {
  return (
    bytesFieldSize(Buffer.byteLength(nodeId)) +
    bytesFieldSize(Buffer.byteLength(address)) +
    varintFieldSize(voter ? 1 : 0) +
    varintFieldSize(priority)
  );
}

export function writeMembers(writer: FieldWriter, { version, members }: MemberList): void {
  writer.varintField(1, version);
  for (const member of members) {
    const { nodeId, address, voter, priority } = member;
    writer.bytesHeader(2, memberSize(member));
    writer.bytesField(1, Buffer.from(nodeId));
    writer.bytesField(2, Buffer.from(address));
    writer.varintField(3, voter ? 1 : 0);
    writer.varintField(4, priority);
  }
}

/** The message alone. */
export function encodeMembers(list: MemberList): Uint8Array {
  const writer = new FieldWriter(membersSize(list));
  writeMembers(writer, list);
  return writer.finish();
}

/** Decodes the message alone. Never throws, whatever the bytes are. */
export function decodeMembers(bytes: Uint8Array): Decoded<MemberList> {
  return readMessage(bytes, "Members", readList);
}

/** A whole message, of which every byte is accounted for. Throws {@link Malformed}. */
export function readList(fields: Fields): MemberList {
  const list = readMembers(fields);
  fields.end();
  const flaw = flawOfMembers(list);
  if (flaw !== undefined) throw new Malformed(flaw);
  return list;
}

export function readMembers(fields: Fields): MemberList {
  const version = fields.number(1);
  const members = fields.repeated(2, "ClusterMember", (member): Member => {
    const nodeId = member.text(1, "node_id");
    const address = member.text(2, "address");
    const voter = member.flag(3);
    return { nodeId, address, voter, priority: member.uint32(4) };
  });
  return { version, members };
}

/** What is wrong with a list, if anything. */
export function flawOfMembers({ version, members }: MemberList): string | undefined {
  if (!Number.isSafeInteger(version) || version < 1) return "a list of members has no version";
  if (members.length > membersMax) return `a list has more than ${membersMax} members`;
  if (!members.some(({ voter }) => voter)) return "a list of members has no voter";
  if (new Set(members.map(({ nodeId }) => nodeId)).size < members.length) {
    return "a list names a member twice";
  }
  return undefined;
}
