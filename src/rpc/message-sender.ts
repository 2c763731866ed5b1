/**
 * Writes messages to a call's stream without copying them. grpc-js copies each message behind the
 * five bytes that go before it; so a thousand readers that are sent the same bytes would hold a thousand
 * copies of them for as long as they do not read.
 *
 * The stream behind a call is not part of grpc-js's interface. Where a later version has none, its own
 * way of sending is taken, and only memory and speed are lost.
 */

import { Metadata, type ServerInterceptingCallInterface } from "@grpc/grpc-js";
import type { ServerHttp2Stream } from "node:http2";

/** Sends a message; `sent` is called once the transport has taken it. The bytes must not change. */
export type MessageSender = (bytes: Buffer, sent: () => void) => void;

/** Below this a copy costs less than a second write. */
const copiedBytesMax = 8 * 1024;

const prefixBytes = 5;

export function messageSender(call: ServerInterceptingCallInterface): MessageSender {
  const { stream } = call as { readonly stream?: Partial<ServerHttp2Stream> };
  if (!isWritable(stream)) return (bytes, sent) => call.sendMessage(bytes, sent);
  return (bytes, sent) => {
    if (bytes.length <= copiedBytesMax) {
      call.sendMessage(bytes, sent);
      return;
    }
    if (stream.destroyed || stream.closed) return;
    // Sends the headers where they were not sent yet.
    call.sendMetadata(new Metadata());
    const prefix = Buffer.alloc(prefixBytes);
    prefix.writeUInt32BE(bytes.length, 1);
    stream.cork();
    stream.write(prefix);
    stream.write(bytes, (error) => {
      // A stream that fails ends its call by itself.
      if (error === null || error === undefined) sent();
    });
    stream.uncork();
  };
}

function isWritable(stream: Partial<ServerHttp2Stream> | undefined): stream is ServerHttp2Stream {
  return typeof stream?.write === "function" && typeof stream.cork === "function";
}
