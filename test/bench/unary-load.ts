/** Appends by unary calls, each with one entry. */

import { connect, encodeAppend, logCalls, type LogCalls } from "./log-client.js";
import { Meter, type Measured } from "./meter.js";
import type { UnaryLoad } from "./load.js";

/** Many calls on one HTTP/2 connection wait for each other; clients that many use more. */
const callsPerConnection = 256;

export async function unaryLoad(load: UnaryLoad): Promise<Measured> {
  const count = Math.ceil(load.inFlight / callsPerConnection);
  const connections = Array.from({ length: count }, () => connect(load.address));
  const calls = connections.map(logCalls);
  const request = encodeAppend(1, load.payloadBytes);
  const meter = new Meter(load);
  const loops = Array.from({ length: load.inFlight }, (_, index) => {
    const { append } = calls[index % count] ?? logCalls(connect(load.address));
    return appendWhileOpen(append, request, { meter, bytes: load.payloadBytes });
  });
  await Promise.all(loops);
  for (const connection of connections) connection.close();
  return meter.result({ early: false });
}

async function appendWhileOpen(
  append: LogCalls["append"],
  request: Uint8Array,
  { meter, bytes }: { readonly meter: Meter; readonly bytes: number },
): Promise<void> {
  while (meter.isOpen) {
    const startedMs = performance.now();
    try {
      await append(request, { timeoutMs: 30_000, lost: "unknown_outcome" });
      meter.done(startedMs, { entries: 1, bytes });
    } catch (error) {
      meter.failed(error);
    }
  }
}
