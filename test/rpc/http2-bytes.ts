/** HTTP/2 as bytes, made by hand, so that every one of them can be a lie. */

import { varintSize, writeVarint } from "../../src/rpc/wire.js";

export const preface = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");

export interface FrameHead {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
}

export const frameType = {
  data: 0,
  headers: 1,
  priority: 2,
  reset: 3,
  settings: 4,
  ping: 6,
  goaway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;

export const endStream = 1;
export const endHeaders = 4;

/** One frame. */
export function frame({ type, flags, stream }: FrameHead, payload: Uint8Array): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

/** Headers, none of them indexed or compressed. */
export function headerBlock(headers: readonly (readonly [string, string])[]): Buffer {
  return Buffer.concat(
    headers.flatMap(([name, value]) => [Buffer.from([0]), text(name), text(value)]),
  );
}

/** An integer of HPACK with a prefix of seven bits, and the text of that length. */
function text(value: string): Buffer {
  const bytes = Buffer.from(value);
  if (bytes.length < 127) return Buffer.concat([Buffer.from([bytes.length]), bytes]);
  const rest = Buffer.alloc(varintSize(bytes.length - 127));
  writeVarint(rest, 0, bytes.length - 127);
  return Buffer.concat([Buffer.from([127]), rest, bytes]);
}

/** A message as gRPC frames it. */
export function grpcFrame(message: Uint8Array, compressed = 0): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt8(compressed, 0);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

/** The messages of frames that are whole and not compressed; what follows a broken one is left out. */
export function messagesIn(body: Uint8Array): readonly Buffer[] {
  const bytes = Buffer.from(body);
  const messages: Buffer[] = [];
  for (let offset = 0; offset + 5 <= bytes.length;) {
    const length = bytes.readUInt32BE(offset + 1);
    const end = offset + 5 + length;
    if (bytes[offset] !== 0 || end > bytes.length) break;
    messages.push(bytes.subarray(offset + 5, end));
    offset = end;
  }
  return messages;
}
