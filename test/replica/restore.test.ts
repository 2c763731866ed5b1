/** Replicas whose place in the log is gone: a server that answers as one does whose log was trimmed. */

import { once } from "node:events";
import { create } from "@bufbuild/protobuf";
import { expect } from "chai";
import { EntrySchema } from "../../gen/suraft/v1/log_pb.js";
import { connect, SuraftError, type Client } from "../../src/client/index.js";
import { MemorySnapshots, startReplica } from "../../src/replica/index.js";
import { MemoryLog, startLogDouble, type LogDouble } from "../client/log-double.js";
import { failureOf, Tally } from "./tally.js";

const bounds = { signal: new AbortController().signal };

describe("a replica of a trimmed log", () => {
  let server: LogDouble;
  let client: Client;
  let snapshots: MemorySnapshots;

  beforeEach(async () => {
    const log = new MemoryLog();
    for (let number = 1; number <= 9; number += 1) {
      log.append([create(EntrySchema, { payload: Buffer.from(`e${number}`) })]);
    }
    server = await startLogDouble({ log });
    client = connect([server.address]);
    snapshots = new MemorySnapshots();
  });

  afterEach(async () => {
    client.close();
    await server.stop();
  });

  /** The log below an index is gone, as soon as so many entries were read. */
  function trim(firstIndex: number, after: number): void {
    const details = { first_index: String(firstIndex), next_index: "10" };
    const message = `index ${after + 1} was trimmed; the log begins at ${firstIndex}`;
    server.readFailures.push({
      after,
      error: new SuraftError("out_of_range", message, { details }),
    });
  }

  async function keep(nextIndex: number, ...texts: readonly string[]): Promise<void> {
    await snapshots.put(nextIndex, pieces(texts), bounds);
  }

  it("begins with a snapshot that is further than its own state", async () => {
    await keep(7, "e1", "e2", "e3", "e4", "e5", "e6");
    const machine = Object.assign(new Tally(), { appliedNextIndex: () => 3 });
    machine.texts = ["e1", "e2"];
    const replica = await startReplica({ client, machine, snapshots });
    await replica.barrier();
    expect(machine.installed).to.deep.equal([7]);
    expect(machine.applied).to.deep.equal([7, 8, 9]);
    expect(machine.texts).to.have.length(9);
    await replica.close();
  });

  it("restores in the middle of its life, when the log is trimmed under it", async () => {
    trim(6, 2);
    const machine = new Tally();
    machine.onApply = async (entries) => {
      if (entries[0]?.index === 1) await keep(7, "e1", "e2", "e3", "e4", "e5", "e6");
    };
    const replica = await startReplica({ client, machine, snapshots });
    await replica.barrier();
    expect(machine.installed).to.deep.equal([7]);
    expect(machine.applied).to.deep.equal([1, 2, 7, 8, 9]);
    expect(machine.texts).to.have.length(9);
    await replica.close();
  });

  it("takes an older snapshot where the newest is damaged", async () => {
    await keep(5, "e1", "e2", "e3", "e4");
    await keep(7, "damaged");
    const get = snapshots.get.bind(snapshots);
    snapshots.get = async function* (snapshot) {
      if (snapshot.nextIndex === 7) {
        yield Buffer.from("rubbish\n");
        throw new SuraftError("corrupt", "the snapshot at index 7 is damaged");
      }
      yield* get(snapshot);
    };
    const heard: string[] = [];
    const machine = new Tally();
    const onRetry = (error: SuraftError) => heard.push(error.kind);
    const replica = await startReplica({ client, machine, snapshots, onRetry });
    await replica.barrier();
    expect(machine.installed).to.deep.equal([7, 5]);
    expect(machine.texts.slice(0, 5)).to.deep.equal(["e1", "e2", "e3", "e4", "e5"]);
    expect(machine.texts).to.have.length(9);
    expect(heard).to.deep.equal(["corrupt"]);
    await replica.close();
  });

  it("says that a proposal's result is within the snapshot that took its place", async () => {
    trim(6, 2);
    const machine = new Tally();
    let proposal: Promise<unknown> = Promise.resolve();
    machine.onApply = async (entries) => {
      if (entries[0]?.index !== 1) return;
      proposal = failureOf(replica.propose({ payload: Buffer.from("e10") }));
      while (server.log.nextIndex < 11) await once(server.log, "appended");
      await keep(11, ...Array.from({ length: 10 }, (_, at) => `e${at + 1}`));
    };
    const replica = await startReplica({ client, machine, snapshots });
    await replica.barrier();
    expect(machine.installed).to.deep.equal([11]);
    expect(await proposal).to.include({ kind: "unknown_outcome" });
    expect(await proposal).to.have.deep.property("details", { index: "10" });
    await replica.close();
  });

  it("ends with out_of_range where no snapshot reaches far enough", async () => {
    trim(6, 2);
    const replica = await startReplica({ client, machine: new Tally(), snapshots });
    const failure = await failureOf(replica.failed);
    expect(failure).to.have.property("kind", "out_of_range");
    expect(failure).to.have.deep.property("details", { first_index: "6", next_index: "10" });
    await replica.close();
  });
});

async function* pieces(texts: readonly string[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield Buffer.from(`${text}\n`);
}
