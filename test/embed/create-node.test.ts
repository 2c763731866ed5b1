import { expect } from "chai";
import { connect, SuraftError } from "../../src/client/index.js";
import { createNode, type NodeLogEvent } from "../../src/embed/index.js";
import { failureOf } from "../replica/tally.js";

const listen = "127.0.0.1:0";

describe("an embedded node", () => {
  it("starts, is ready, serves at its port, and stops", async () => {
    const events: NodeLogEvent[] = [];
    const node = createNode({
      nodeId: "n1",
      store: "memory:",
      listen,
      electionTimeoutMs: 60,
      heartbeatIntervalMs: 20,
      onLog: (event) => events.push(event),
    });
    expect(() => node.address).to.throw(SuraftError, "has not started");
    await node.start();
    await node.ready();
    expect(node.address).to.equal(`127.0.0.1:${node.port}`);
    const client = connect([node.address], { timeoutMs: 2000 });
    const { firstIndex } = await client.append([{ payload: Buffer.from("a") }]);
    expect(firstIndex).to.equal(1);
    await node.stop();
    expect(await failureOf(client.tail())).to.have.property("kind", "unavailable");
    client.close();
    expect(events.some(({ message }) => message.startsWith("leader in term 1"))).to.equal(true);
  });

  it("says all that is wrong with its settings at once", async () => {
    try {
      createNode({ nodeId: "no spaces", store: "ftp://x", listen });
      expect.fail("it was made");
    } catch (error) {
      expect(error).to.have.property("kind", "invalid");
      expect(error)
        .to.have.property("message")
        .that.matches(/nodeId must be .*; store has/s);
    }
  });

  it("shares a store in memory by name only", () => {
    const members = { n1: "127.0.0.1:7101", n2: "127.0.0.1:7102" };
    const settings = { nodeId: "n1", listen: "127.0.0.1:7101", members };
    expect(() => createNode({ ...settings, store: "memory:" })).to.throw(SuraftError, "memory:");
    createNode({ ...settings, store: "memory:shared" });
  });

  it("leaves nothing behind where it cannot start, and starts once", async () => {
    const settings = {
      nodeId: "n1",
      store: "memory:",
      electionTimeoutMs: 60,
      heartbeatIntervalMs: 20,
    };
    const first = createNode({ ...settings, listen });
    await first.start();
    const second = createNode({ ...settings, listen: first.address });
    expect(await failureOf(second.start())).to.have.property("kind", "invalid");
    expect(await failureOf(first.start())).to.have.property("kind", "invalid");
    await second.stop();
    await first.stop({ timeoutMs: 0 });
    await first.stop();
  });

  it("gives up waiting with the signal", async () => {
    const members = { n1: "127.0.0.1:0", n2: "127.0.0.1:1" };
    expect(() => createNode({ nodeId: "n1", store: "memory:x", listen, members })).to.throw();
    const alone = createNode({
      nodeId: "n1",
      store: "memory:alone",
      listen: "127.0.0.1:65431",
      members: { n1: "127.0.0.1:65431", n2: "127.0.0.1:1", n3: "127.0.0.1:2" },
    });
    await alone.start();
    const abort = new AbortController();
    const ready = failureOf(alone.ready({ signal: abort.signal }));
    abort.abort();
    expect(await ready).to.have.property("kind", "cancelled");
    await alone.stop({ timeoutMs: 0 });
  });
});
