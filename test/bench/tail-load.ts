/** Linearizable GetTails, so many at once, round after round; each sees at least what came before. */

import { Consistency } from "../../gen/suraft/v1/log_pb.js";
import { connect, logCalls } from "./log-client.js";
import { Meter, type Measured } from "./meter.js";
import type { TailLoad } from "./load.js";

/** Many calls on one connection wait for each other in the client. */
const callsPerConnection = 100;

export async function tailLoad(load: TailLoad): Promise<Measured> {
  const count = Math.ceil(load.atOnce / callsPerConnection);
  const connections = Array.from({ length: count }, () => connect(load.address));
  const calls = connections.map(logCalls);
  // Connects, and asks for no proof.
  const consistency = Consistency.LOCAL;
  await Promise.all(calls.map(({ getTail }) => getTail({ consistency }, { timeoutMs: 10_000 })));
  const meter = new Meter({ warmUpSeconds: 0, seconds: 60 });
  let seen = 0n;
  for (let round = 0; round < load.rounds; round++) {
    const startedMs = performance.now();
    const tails = await Promise.all(
      Array.from({ length: load.atOnce }, async (_, number) => {
        const own = calls[number % calls.length];
        if (own === undefined) throw new Error("a load needs a connection");
        const { nextIndex } = await own.getTail({}, { timeoutMs: 30_000 });
        meter.done(startedMs, { entries: 1, bytes: 0 });
        return nextIndex;
      }),
    );
    for (const nextIndex of tails) {
      if (nextIndex < seen) meter.failed(`${nextIndex} after ${seen}`);
    }
    seen = tails.reduce((greatest, next) => (next > greatest ? next : greatest), seen);
  }
  for (const connection of connections) connection.close();
  return meter.result({ early: true });
}
