/** What a client sees when the leader is gone. */

import { expect } from "chai";
import type { AppendSessionResponse } from "../../gen/suraft/v1/log_pb.js";
import { fromStatus } from "../../src/rpc/status.js";
import { calling, failureOf, type LogCalls } from "./call.js";
import { readAll } from "./journal.js";
import { TestCluster } from "./test-cluster.js";

const entries = (text: string) => [{ payload: Buffer.from(text) }];

describe("a cluster whose leader is gone", function () {
  this.timeout(60_000);
  let cluster: TestCluster;

  before(async () => {
    cluster = await TestCluster.start({ nodeCount: 3 });
  });

  after(async () => {
    await cluster.close();
  });

  beforeEach(async () => {
    await cluster.startAll();
  });

  it("appends and proves reads through a follower of the next leader", async () => {
    const old = await cluster.leader();
    const { lastIndex } = await old.client.append(entries("before"));
    await old.kill();
    const leader = await cluster.leader();
    const follower = await cluster.follower();
    expect((await follower.client.tail()).nextIndex).to.equal(lastIndex + 1);
    const { firstIndex, term } = await follower.client.append(entries("after"));
    expect(firstIndex).to.equal(lastIndex + 1);
    expect((await leader.client.status()).term).to.equal(term);
    for (const { client } of [leader, follower]) {
      const texts = (await readAll(client)).map(({ payload }) => Buffer.from(payload).toString());
      expect(texts).to.deep.equal(["before", "after"]);
    }
  });

  it("refuses an append while one of three nodes is alone, before the caller's deadline", async () => {
    const alone = await cluster.follower();
    const before = await readAll(alone.client);
    await Promise.all(cluster.nodes.filter((node) => node !== alone).map((node) => node.kill()));
    await alone.view(({ leader }) => leader === undefined);
    await calling(alone.address, async (log) => {
      // After the deadline it would be another kind: the client could not know.
      const append = log.append({ entries: entries("never") }, { timeoutMs: 1_500 });
      const session = failedSession(log);
      expect((await failureOf(append)).kind).to.equal("unavailable");
      expect(await session).to.equal("unavailable");
    });
    await cluster.startAll();
    expect(await readAll(alone.client)).to.deep.equal(before);
  });

  it("still reads what it holds while one of three nodes is alone", async () => {
    const alone = await cluster.follower();
    const before = await readAll(alone.client);
    await Promise.all(cluster.nodes.filter((node) => node !== alone).map((node) => node.kill()));
    await alone.view(({ leader }) => leader === undefined);
    const local: string[] = [];
    for await (const { batches } of alone.client.read({ local: true })) {
      for (const batch of batches) {
        local.push(...batch.entries.map(({ payload }) => Buffer.from(payload).toString()));
      }
    }
    expect(local).to.deep.equal(before.map(({ payload }) => Buffer.from(payload).toString()));
    // The store is the proof: no other node is needed.
    expect((await alone.client.tail()).nextIndex).to.equal(before.length + 1);
  });
});

/** What becomes of the only append of a session, as the node says. */
async function failedSession(log: LogCalls): Promise<string> {
  const stream = log.appendSession({ timeoutMs: 1_500 });
  const answers: string[] = [];
  stream.on("data", ({ acks, failures }: AppendSessionResponse) => {
    answers.push(...acks.map(() => "acknowledged"));
    for (const { status } of failures) {
      if (status === undefined) throw new Error("a failure has a status");
      answers.push(fromStatus(status, { lost: "unknown_outcome" }).kind);
    }
  });
  stream.on("error", () => undefined);
  const ended = new Promise((resolve) => stream.once("status", resolve));
  stream.write({ entries: entries("never either") });
  await ended;
  return answers.join(", ");
}
