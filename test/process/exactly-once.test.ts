/** Each line once, in order, whichever process is killed meanwhile. */

import { once } from "node:events";
import { expect } from "chai";
import { connect, type Client } from "../../src/client/client.js";
import { SuraftError } from "../../src/errors.js";
import { runSuraft, startSuraft, type Run } from "../cli/run-suraft.js";
import { within } from "./child.js";
import { readAll } from "./journal.js";
import type { NodeProcess } from "./node-process.js";
import { TestCluster } from "./test-cluster.js";

const lineCount = 20_000;
const lines = Array.from({ length: lineCount }, (_, index) => `line ${index + 1}`);
const appendMsMax = 120_000;

interface Strike {
  /** After how many acknowledged lines. */
  readonly at?: number;
  /** As the command takes it. */
  readonly timeout?: string;
  readonly strike: () => Promise<void>;
}

describe("exactly once, with real processes", function () {
  this.timeout(180_000);
  let cluster: TestCluster;

  beforeEach(async () => {
    cluster = await TestCluster.start({ nodeCount: 3 });
  });

  afterEach(async () => {
    await cluster.close();
  });

  /** `seq | suraft append`, with a hook at a number of printed indexes. */
  async function appendLines(
    nodes: readonly NodeProcess[],
    { at = 3000, timeout = "30s", strike }: Strike,
  ): Promise<readonly number[]> {
    const addresses = nodes.map(({ address }) => address).join(",");
    const run = startSuraft(["append", "--address", addresses, "--timeout", timeout]);
    let struck: Promise<void> | undefined;
    let printed = 0;
    run.process.stdout.on("data", (chunk: Buffer) => {
      printed += chunk.filter((byte) => byte === 10).length;
      if (printed >= at) struck ??= strike();
    });
    await feed(run);
    const story = () => `suraft append printed ${printed} of ${lineCount} indexes`;
    const { code, stdout, stderr } = await within(run.outcome, appendMsMax, story);
    expect({ code, stderr }).to.deep.equal({ code: 0, stderr: "" });
    expect(struck, "the command was not done before the kill").not.to.equal(undefined);
    await struck;
    return stdout.trimEnd().split("\n").map(Number);
  }

  async function feed({ process: { stdin } }: Run): Promise<void> {
    for (let start = 0; start < lineCount; start += 500) {
      const text = lines.slice(start, start + 500).join("\n");
      if (!stdin.write(`${text}\n`)) await once(stdin, "drain");
    }
    stdin.end();
  }

  async function expectEachOnce(
    indexes: readonly number[],
    { more }: { readonly more: number } = { more: 0 },
  ): Promise<void> {
    const { client } = await cluster.leader();
    const log = await readAll(client);
    expect(log.length).to.equal(lineCount + more);
    const texts = log.slice(0, lineCount).map(({ payload }) => Buffer.from(payload).toString());
    expect(texts.every((text, index) => text === lines[index])).to.equal(true);
    expect(indexes.length).to.equal(lineCount);
    const wrong = indexes.findIndex((index, line) => index !== line + 1);
    expect(wrong, `index ${indexes[wrong]} was printed for line ${wrong + 1}`).to.equal(-1);
  }

  it("appends through the leader, which is killed in the middle", async () => {
    const leader = await cluster.leader();
    const others = cluster.nodes.filter((node) => node !== leader);
    const indexes = await appendLines([leader, ...others], {
      strike: () => leader.kill(),
    });
    await expectEachOnce(indexes);
  });

  it("appends through a follower whose leader is killed in the middle", async () => {
    const [leader, follower] = [await cluster.leader(), await cluster.follower()];
    const indexes = await appendLines([follower], { strike: () => leader.kill() });
    await expectEachOnce(indexes);
  });

  it("appends through a follower that is killed in the middle", async () => {
    const follower = await cluster.follower();
    const others = cluster.nodes.filter((node) => node !== follower);
    const indexes = await appendLines([follower, ...others], {
      strike: () => follower.kill(),
    });
    await expectEachOnce(indexes);
  });

  it("leaves a node that sleeps, and doubles nothing when it wakes with appends in hand", async () => {
    const follower = await cluster.follower();
    const others = cluster.nodes.filter((node) => node !== follower);
    const indexes = await appendLines([follower, ...others], {
      timeout: "9s",
      strike: async () => follower.child.kill("SIGSTOP"),
    });
    follower.child.kill("SIGCONT");
    // What it had taken from the client goes to the leader before this does.
    await follower.client.append([{ payload: Buffer.from("awake") }], { timeoutMs: 20_000 });
    await expectEachOnce(indexes, { more: 1 });
  });

  it("recognises a repeat after a restart of all nodes", async () => {
    const addresses = cluster.nodes.map(({ address }) => address);
    const before = connect(addresses);
    const producerId = await before.openProducer();
    const entries = [{ payload: Buffer.from("once") }];
    const producer = { producerId, sequence: 1 };
    const first = await before.append(entries, { producer });
    before.close();
    await Promise.all(cluster.nodes.map((node) => node.kill()));
    await cluster.startAll();
    const after = connect(addresses);
    const second = await after.append(entries, { producer });
    expect(second).to.deep.equal({ ...first, repeat: true });
    expect(await after.openProducer()).to.equal(producerId + 1);
    expect(await readAll(after)).to.have.length(1);
    after.close();
  });

  it("fences a stale holder for good, across a failover", async () => {
    const [leader, follower] = [await cluster.leader(), await cluster.follower()];
    const append = (client: Client, text: string, demands: object) =>
      kindOf(client.append([{ payload: Buffer.from(text) }], demands));
    expect(await append(leader.client, "one", { setFencingToken: "1" })).to.equal("appended");
    expect(await append(follower.client, "a", { fencingToken: "1" })).to.equal("appended");
    expect(await append(follower.client, "two", { setFencingToken: "2" })).to.equal("appended");
    await leader.kill();
    const next = await cluster.leader();
    expect(await append(next.client, "b", { fencingToken: "1" })).to.equal("conflict");
    expect(await append(next.client, "c", { fencingToken: "2" })).to.equal("appended");
    expect(await readAll(next.client)).to.have.length(4);
  });

  it("gives each index to one of many that want it, through any node", async () => {
    const winners: number[] = [];
    for (let round = 1; round <= 5; round++) {
      const tries = cluster.nodes.flatMap((node) =>
        ["a", "b"].map((text) =>
          kindOf(
            node.client.append([{ payload: Buffer.from(text) }], { expectedNextIndex: round }),
          ),
        ),
      );
      const kinds = await Promise.all(tries);
      winners.push(kinds.filter((kind) => kind === "appended").length);
      expect(kinds.filter((kind) => kind === "conflict")).to.have.length(tries.length - 1);
    }
    expect(winners).to.deep.equal([1, 1, 1, 1, 1]);
  });

  it("says by the command line what became of an append, and settles it", async () => {
    const { address, client } = await cluster.follower();
    const producerId = await client.openProducer();
    await client.append([{ payload: Buffer.from("a") }], {
      producer: { producerId, sequence: 1 },
    });
    const outcome = async (sequence: number, ...flags: string[]) => {
      const args = ["outcome", String(producerId), String(sequence), ...flags];
      const { code, stdout } = await runSuraft([...args, "--address", address]);
      return `${String(code)} ${stdout}`;
    };
    expect(await outcome(1)).to.equal("0 in the log, at index 1\n");
    expect(await outcome(2)).to.match(
      /^0 not in the log yet: the producer is at number 1; --settle/,
    );
    expect(await outcome(2, "--settle")).to.match(/^0 not in the log, for good: .* at number 1\n$/);
    const late = client.append([{ payload: Buffer.from("b") }], {
      producer: { producerId, sequence: 2 },
    });
    expect(await kindOf(late)).to.equal("conflict");
  });
});

async function kindOf(append: Promise<unknown>): Promise<string> {
  try {
    await append;
    return "appended";
  } catch (error) {
    if (error instanceof SuraftError) return error.kind;
    throw error;
  }
}
