/** A stored object that has changed. */

import { expect } from "chai";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fromBinary } from "@bufbuild/protobuf";
import { SegmentSchema } from "../../gen/suraft/storage/v1/storage_pb.js";
import { failureOf } from "./call.js";
import { TestCluster } from "./test-cluster.js";
import type { ReadOptions } from "../../src/client/types.js";
import type { NodeProcess } from "./node-process.js";

const appendCount = 40;
const payloadBytes = 16 * 1024;
const damagedIndex = 5;

describe("a log with a damaged segment", function () {
  this.timeout(60_000);
  let cluster: TestCluster;
  let node: NodeProcess;
  let damaged: string;

  before(async () => {
    cluster = await TestCluster.start({
      nodeCount: 1,
      // What a node remembers must be less than the log.
      settings: {
        "cache-bytes-max": "64KiB",
        "segment-bytes-max": "32KiB",
        "append-bytes-max": "32KiB",
        "entry-bytes-max": "32KiB",
      },
    });
    node = await cluster.leader();
    for (let index = 1; index <= appendCount; index++) {
      await node.client.append([{ payload: Buffer.alloc(payloadBytes, index) }]);
    }
    damaged = await segmentOf(damagedIndex);
    const path = join(cluster.storeDirectory, damaged);
    const bytes = await readFile(path);
    bytes[payloadBytes / 2] = (bytes[payloadBytes / 2] ?? 0) ^ 1;
    await writeFile(path, bytes);
  });

  after(async () => {
    await cluster.close();
  });

  /** The object's name. */
  async function segmentOf(index: number): Promise<string> {
    for (const name of await readdir(join(cluster.storeDirectory, "log"))) {
      const bytes = await readFile(join(cluster.storeDirectory, "log", name));
      const { content } = fromBinary(SegmentSchema, bytes);
      if (content.case !== "entries") continue;
      const first = Number(content.value.firstIndex);
      if (first <= index && index < first + content.value.entryCount) return `log/${name}`;
    }
    throw new Error(`no segment holds ${index}`);
  }

  async function indexes(options: ReadOptions): Promise<readonly number[]> {
    const found: number[] = [];
    for await (const { batches } of node.client.read(options)) {
      for (const { firstIndex, entries } of batches) {
        for (const [offset, { payload }] of entries.entries()) {
          expect(Buffer.alloc(payloadBytes, firstIndex + offset).equals(payload)).to.equal(true);
          found.push(firstIndex + offset);
        }
      }
    }
    return found;
  }

  async function expectDataLoss(index: number): Promise<void> {
    const failure = await failureOf(indexes({ start: { type: "index", index } }));
    expect(failure.kind).to.equal("corrupt");
    expect(failure.message + (failure.details["object"] ?? "")).to.include(damaged);
  }

  it("is read around the damage by a node that runs", async () => {
    await expectDataLoss(1);
    await expectDataLoss(damagedIndex);
    expect(await indexes({ endIndex: damagedIndex })).to.deep.equal([1, 2, 3, 4]);
    const behind = await indexes({ start: { type: "index", index: damagedIndex + 1 } });
    expect(behind).to.have.length(appendCount - damagedIndex);
    const { firstIndex } = await node.client.append([
      { payload: Buffer.alloc(payloadBytes, appendCount + 1) },
    ]);
    expect(firstIndex).to.equal(appendCount + 1);
  });

  it("is read up to the damage by a node that starts, which serves no appends", async () => {
    await node.kill();
    node.start();
    const view = await node.view(({ notServingReason }) => notServingReason.includes(damaged));
    expect(view.serving).to.equal(false);
    expect(await indexes({ endIndex: damagedIndex, local: true })).to.deep.equal([1, 2, 3, 4]);
    await expectDataLoss(1);
    const append = node.client.append([{ payload: Buffer.from("more") }], { timeoutMs: 1_000 });
    expect((await failureOf(append)).kind).to.equal("unavailable");
    expect(node.isAlive).to.equal(true);
  });
});
