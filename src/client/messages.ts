/** The messages of a server's stream, one at a time. */

import type { ClientReadableStream } from "@grpc/grpc-js";

/**
 * Takes messages in as they are asked for. A call that fails throws the gRPC error as it is.
 * Whoever stops early cancels the call.
 */
export function messagesOf<Message>(
  stream: ClientReadableStream<Message>,
): AsyncIterableIterator<Message, undefined> {
  // Without a listener the error of a cancelled call would end the process.
  stream.on("error", () => undefined);
  return stream[Symbol.asyncIterator]() as AsyncIterableIterator<Message, undefined>;
}
