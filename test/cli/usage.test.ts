import { existsSync } from "node:fs";
import { expect } from "chai";
import { runSuraft } from "./run-suraft.js";

describe("suraft's usage", function () {
  this.timeout(30_000);

  const commands = [
    "dev",
    "append",
    "read",
    "tail",
    "status",
    "serve",
    "verify",
    "export",
    "import",
  ];

  it("lists every command, examples and the exit codes", async () => {
    const { code, stdout } = await runSuraft(["--help"]);
    expect(code).to.equal(0);
    for (const command of commands) {
      expect(stdout).to.match(new RegExp(`^  ${command} `, "m"));
    }
    expect(stdout).to.include("Examples:").and.to.include("Exit codes:");
  });

  for (const command of commands) {
    it(`shows examples of ${command} within 80 columns`, async () => {
      const { code, stdout } = await runSuraft([command, "--help"]);
      expect(code).to.equal(0);
      expect(stdout).to.include(`Usage: suraft ${command}`).and.to.include("Examples:");
      expect(stdout.split("\n").filter((line) => line.length > 80)).to.deep.equal([]);
    });
  }

  const wrong: readonly (readonly [string, RegExp])[] = [
    ["", /Usage: suraft/],
    ["aped x", /unknown command 'aped'\n\(Did you mean append\?\)/],
    ["read --folow", /unknown option '--folow'\n\(Did you mean --follow\?\)/],
    ["read --from 0", /'0' is invalid. It must be a whole number of at least 1/],
    ["read --from 1 --last 2", /'--from <index>' cannot be used with option '--last <count>'/],
    ["read --from 5 --end 4", /--end must not be before --from/],
    ["read --reverse --follow", /--reverse goes away from the end/],
    ["read --reverse --from 4 --end 5", /--end must not be above --from: --reverse goes down/],
    ["read --reverse --until 1h --from 4", /the read begins at --until: give no --from or --last/],
    ["read --key=", /'' is invalid. It must be 1 to 256 bytes long/],
    ["read --header =x", /'=x' is invalid. Write key or key=value/],
    ["read --store memory: --local", /--local asks a node for what it holds/],
    ["read --store memory: -a 127.0.0.1:1", /give either --store or --address/],
    ["tail --store memory: --local", /--local asks a node for what it holds/],
    ["tail --store memory: -a 127.0.0.1:1", /give either --store or --address/],
    ["read --store=", /'' is invalid. Write gs:/],
    ["read --poll-interval 1s --follow", /--poll-interval is for --store with --follow/],
    ["read --poll-interval 1s --store memory:", /--poll-interval is for --store with --follow/],
    ["read --since yesterday", /'yesterday' is invalid. Write a time such as/],
    ["read --format xml", /Allowed choices are text, raw, json/],
    ["read --format json --verbose", /--verbose is for --format text/],
    ["read --json --format raw", /--json is --format json/],
    ["tail --timeout 3", /'3' is invalid. Write a duration such as/],
    ["tail --address nowhere", /"nowhere" is not an address: write host:port/],
    ["tail extra", /too many arguments/],
    ["append --header x y", /'x' is invalid. Write key=value/],
    ["append --binary x", /give either entries as arguments or --file \/ --binary/],
    ["append --delivery hope x", /Allowed choices are exactly-once, at-most-once, at-least-once/],
    ["append --expected-next-index 0 x", /whole number of at least 1/],
    ["append --expected-next-index 5", /needs the entries as arguments, or --binary/],
    ["append --if-key-unchanged-since 5 x", /needs --key/],
    [`append --fencing-token ${"x".repeat(129)} x`, /1 to 128 bytes/],
    ["outcome 1", /missing required argument 'sequence'/],
    ["outcome 0 1", /whole number of at least 1/],
    ["dev --nodes 0", /'0' is invalid. It must be a whole number from 1 to 9/],
    ["serve --window 0", /window must be a whole number from 1 to 256; --window says "0"/],
    ["serve --windwo 3", /Did you mean --window\?/],
  ];
  for (const [line, message] of wrong) {
    it(`exits with 2 and says why: suraft ${line}`, async () => {
      const { code, stdout, stderr } = await runSuraft(line.split(" ").filter(Boolean));
      expect(stderr).to.match(message);
      expect(stdout).to.equal("");
      expect(code).to.equal(2);
      expect(stderr).not.to.match(/^\s+at /m);
    });
  }

  it("takes the addresses from the environment", async () => {
    const environment = { SURAFT_ADDRESS: "nowhere" };
    const { code, stderr } = await runSuraft(["tail"], { environment });
    expect(code).to.equal(2);
    expect(stderr).to.include("SURAFT_ADDRESS");
  });

  it("exits with 3 when no node can be reached, and says what to do", async () => {
    const { code, stderr } = await runSuraft(["append", "x", "-a", "127.0.0.1:1", "--timeout=1s"]);
    expect(code).to.equal(3);
    expect(stderr).to.match(/^error: cannot connect to 127.0.0.1:1\n.*suraft dev\n$/);
  });

  it("exits with 1 for a store that is none, or holds no cluster, and makes no directory", async () => {
    const none = await runSuraft(["read", "--store", "ftp://x"]);
    expect(none.code).to.equal(1);
    expect(none.stderr).to.match(/^error: .*ftp:/);
    const directory = "/tmp/suraft-nothing-here";
    const environment = { SURAFT_ADDRESS: "127.0.0.1:1" };
    const empty = await runSuraft(["tail", "--store", `file://${directory}`], { environment });
    expect(empty.code).to.equal(1);
    expect(empty.stderr).to.equal(`error: there is no cluster in file://${directory}\n`);
    expect(existsSync(directory)).to.equal(false);
  });

  it("exits with 1 for a file that is not there", async () => {
    const { code, stderr } = await runSuraft(["append", "--file", "/nowhere/file"]);
    expect(code).to.equal(1);
    expect(stderr).to.equal("error: cannot read /nowhere/file: there is no such file\n");
  });
});
