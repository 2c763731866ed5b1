/** Appends by the client library: what it costs beside a raw stub. */

import { connect, type Client } from "../../src/client/index.js";
import { startReplica, type LogEntry } from "../../src/replica/index.js";
import { Meter, type Measured } from "./meter.js";
import type { LibraryLoad } from "./load.js";

/** Appends once; resolves when it is done. */
type Append = () => Promise<unknown>;

export async function libraryLoad(load: LibraryLoad): Promise<Measured> {
  const client = connect(load.addresses);
  const { append, close } =
    load.by === "session" ? sessionOf(client, load) : await replicaOf(client, load);
  await append();
  const meter = new Meter(load);
  const entries = load.entriesPerAppend;
  const measure = async (): Promise<void> => {
    while (meter.isOpen) {
      const startedMs = performance.now();
      try {
        await append();
        meter.done(startedMs, { entries, bytes: entries * load.payloadBytes });
      } catch (error) {
        meter.failed(error);
        return;
      }
    }
  };
  await Promise.all(Array.from({ length: load.inFlight }, measure));
  await close();
  client.close();
  return meter.result({ early: false });
}

interface Appending {
  readonly append: Append;
  readonly close: () => Promise<void>;
}

function sessionOf(client: Client, load: LibraryLoad): Appending {
  const session = client.openSession();
  const payload = new Uint8Array(load.payloadBytes);
  const entries = Array.from({ length: load.entriesPerAppend }, () => ({ payload }));
  return { append: () => session.append(entries), close: () => session.close() };
}

/** A machine that only counts: what is measured is the replica. */
async function replicaOf(client: Client, load: LibraryLoad): Promise<Appending> {
  let count = 0;
  const { nextIndex } = await client.tail();
  const machine = {
    apply: (entries: readonly LogEntry[]) => entries.map(() => ++count),
    buildSnapshot: () => [],
    installSnapshot: () => Promise.resolve(),
    appliedNextIndex: () => nextIndex,
  };
  const replica = await startReplica({ client, machine });
  const payload = new Uint8Array(load.payloadBytes);
  return { append: () => replica.propose({ payload }), close: () => replica.close() };
}
