/** `suraft read` against the real service. */

import { expect } from "chai";
import { startTestService, type TestService } from "../service/test-service.js";
import { runSuraft } from "./run-suraft.js";

describe("suraft read", function () {
  this.timeout(30_000);
  let test: TestService;

  before(async () => {
    test = await startTestService();
    test.node.now = () => 10_000;
    for (let number = 1; number <= 6; number += 1) {
      const key = number % 2 === 0 ? "even" : "odd";
      const headers = [{ key, value: Buffer.from(`n${String(number)}`) }];
      const payload = Buffer.from(String(number));
      await test.log.append({ entries: [{ payload, headers }] });
      const now = test.node.now();
      test.node.now = () => now + 1_000;
    }
  });

  after(async () => {
    await test.stop();
    expect(test.defects).to.deep.equal([]);
  });

  /** Entry n has the time 9 + n seconds after 1970. */
  const at = (second: number): string => new Date(second * 1000).toISOString();

  const reads: readonly (readonly [string, readonly string[]])[] = [
    ["--reverse", ["6", "5", "4", "3", "2", "1"]],
    ["-r -n 2", ["6", "5"]],
    ["--reverse --from 3", ["3", "2", "1"]],
    ["--reverse --from 5 --end 2", ["5", "4", "3"]],
    ["--reverse --last 2", ["6", "5"]],
    [`--reverse --since ${at(13)}`, ["6", "5", "4"]],
    [`--reverse --until ${at(13)}`, ["3", "2", "1"]],
    [`--reverse --since ${at(11)} --until ${at(14)}`, ["4", "3", "2"]],
    [`--reverse --since ${at(11)} --end 3`, ["6", "5", "4"]],
    [`--reverse --since ${at(10)}`, ["6", "5", "4", "3", "2", "1"]],
    [`--reverse --since ${at(100)}`, []],
    ["--reverse --until 2999-01-01 -n 1", ["6"]],
    ["--header even", ["2", "4", "6"]],
    ["--header odd --reverse --limit 2", ["5", "3"]],
    ["--header even=n4", ["4"]],
    ["--header even --header even=n6", ["6"]],
    ["--header even --header odd", []],
    ["--last 3 --header odd", ["5"]],
  ];
  for (const [line, expected] of reads) {
    it(`prints what is asked for: ${line}`, async () => {
      const args = ["read", ...line.split(" "), "--address", test.address];
      const { code, stdout, stderr } = await runSuraft(args);
      expect(stderr).to.equal("");
      expect(stdout).to.equal(expected.map((text) => `${text}\n`).join(""));
      expect(code).to.equal(0);
    });
  }

  it("prints the indexes of entries that go down", async () => {
    const args = ["read", "--reverse", "--format", "json", "--limit", "3"];
    const { stdout } = await runSuraft([...args, "--address", test.address]);
    const lines = stdout.trim().split("\n");
    expect(
      lines.map((line) => {
        const { index, payload } = JSON.parse(line) as { index: number; payload: string };
        return [index, payload];
      }),
    ).to.deep.equal([
      [6, "6"],
      [5, "5"],
      [4, "4"],
    ]);
  });

  it("says where the log is when asked to begin in the future", async () => {
    const args = ["read", "--since", "2999-01-01", "--reverse", "--address", test.address];
    const { code, stderr } = await runSuraft(args);
    expect(code).to.equal(1);
    expect(stderr).to.equal(
      "error: the start timestamp is in the future; the log begins at 1, and its next index is 7\n",
    );
  });
});
