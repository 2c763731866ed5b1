import { expect } from "chai";

import { SuraftError } from "../../src/errors.js";
import { append, failure, payloads, readAll, startTestService } from "./test-service.js";
import type { TestService } from "./test-service.js";

describe("LogService.Trim", () => {
  let test: TestService;

  beforeEach(async () => {
    test = await startTestService();
    await test.log.append(append("a", "b", "c"));
  });

  afterEach(async () => {
    await test.stop();
    expect(test.defects).to.deep.equal([]);
  });

  it("lets the log begin at an index, which may be the next one", async () => {
    expect(await test.log.trim({ firstIndex: 3n })).to.include({ firstIndex: 3n });
    expect(payloads(await readAll(test))).to.deep.equal(["3 c"]);
    expect(await test.log.getTail({})).to.include({ firstIndex: 3n, nextIndex: 4n });
    expect(await test.log.trim({ firstIndex: 4n })).to.include({ firstIndex: 4n });
    expect(await test.log.append(append("d"))).to.include({ firstIndex: 4n });
  });

  it("changes nothing where the log begins later already", async () => {
    await test.log.trim({ firstIndex: 3n });
    expect(await test.log.trim({ firstIndex: 2n })).to.include({ firstIndex: 3n });
    expect(await test.log.trim({ firstIndex: 3n })).to.include({ firstIndex: 3n });
  });

  it("refuses an index beyond the next one, and says where the log begins and ends", async () => {
    await test.log.trim({ firstIndex: 2n });
    const error = await failure(test.log.trim({ firstIndex: 5n }));
    expect(error).to.include({ kind: "out_of_range" });
    expect(error.details).to.deep.include({ first_index: "2", next_index: "4" });
    expect(await test.log.getTail({})).to.include({ firstIndex: 2n });
  });

  it("refuses a caller whose view is old", async () => {
    const expected = { expectedFirstIndex: 1n };
    expect(await test.log.trim({ firstIndex: 2n, ...expected })).to.include({ firstIndex: 2n });
    const error = await failure(test.log.trim({ firstIndex: 4n, ...expected }));
    expect(error).to.include({ kind: "conflict" });
    expect(error.details).to.deep.include({ condition: "expected_first_index", first_index: "2" });
    expect(await test.log.getTail({})).to.include({ firstIndex: 2n });
  });

  it("refuses what is no index", async () => {
    for (const request of [
      { firstIndex: 0n },
      { firstIndex: 2n ** 53n },
      { firstIndex: 1n, expectedFirstIndex: 0n },
    ]) {
      expect(await failure(test.log.trim(request))).to.include({ kind: "invalid" });
    }
  });

  it("may be made again where its outcome is unknown, unless it expects an index", async () => {
    const unknown = new SuraftError("unknown_outcome", "the leader was lost");
    test.node.failNext(unknown);
    expect(await failure(test.log.trim({ firstIndex: 2n }))).to.include({ kind: "unavailable" });
    test.node.failNext(unknown);
    const expected = { firstIndex: 2n, expectedFirstIndex: 1n };
    expect(await failure(test.log.trim(expected))).to.include({ kind: "unknown_outcome" });
  });
});
