/**
 * grpc-js's server sets HTTP/2's flow-control window for each stream, but leaves the window of the
 * whole connection at 64 KiB, which caps a client 10 ms away at 6 MB/s. It also hands out no
 * connection; the only way there is the stream behind a call. Where a later version of grpc-js has
 * no such stream, only speed is lost.
 */

import type { ServerInterceptingCallInterface } from "@grpc/grpc-js";
import type { ServerHttp2Session } from "node:http2";

/** Bigger brought nothing on the loopback; smaller slows a client that is milliseconds away. */
export const flowControlWindowBytesDefault = 4 * 1024 * 1024;

const widened = new WeakSet<ServerHttp2Session>();

/** Lets the client of this call send so many bytes ahead on its connection. Once a connection. */
export function widenConnectionWindow(
  call: ServerInterceptingCallInterface,
  windowBytes: number,
): void {
  const { stream } = call as { readonly stream?: { readonly session?: ServerHttp2Session } };
  const session = stream?.session;
  if (session === undefined || widened.has(session) || session.destroyed) {
    return;
  }
  widened.add(session);
  session.setLocalWindowSize(windowBytes);
}
