import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect } from "chai";
import {
  environmentName,
  flagName,
  gatherNodeConfig,
  type NodeConfigSources,
} from "../../src/cli/node-config-sources.js";
import { UsageError } from "../../src/cli/exit-code.js";
import { checkNodeConfig } from "../../src/node/config-check.js";
import {
  describeDefault,
  nodeConfigKeys,
  nodeSettings,
  type NodeConfig,
  type NodeConfigKey,
} from "../../src/node/config.js";

type Values = Partial<Record<NodeConfigKey, unknown>>;

const basics: Values = { nodeId: "n1", store: "file:///tmp/log" };

function check(values: Values): NodeConfig | readonly string[] {
  const given = Object.fromEntries(
    Object.entries({ ...basics, ...values }).map(([key, value]) => [
      key,
      { value, source: `--${key}` },
    ]),
  );
  const result = checkNodeConfig(given);
  return result.type === "valid" ? result.config : result.problems;
}

/** Each line is ten times the one before. */
const billionLaughs = [
  "- &a0 x",
  ...Array.from({ length: 9 }, (_, n) => `- &a${n + 1} [${Array(10).fill(`*a${n}`).join(", ")}]`),
].join("\n  ");

describe("a node's configuration", () => {
  let directory: string;

  beforeEach(() => {
    directory = mkdtempSync(path.join(tmpdir(), "suraft-config-"));
  });

  afterEach(() => {
    rmSync(directory, { recursive: true });
  });

  function gather(sources: Partial<NodeConfigSources>, yaml?: string) {
    const file = path.join(directory, "suraft.yaml");
    if (yaml !== undefined) {
      writeFileSync(file, yaml);
    }
    return gatherNodeConfig({
      flags: {},
      environment: {},
      file: yaml === undefined ? undefined : { value: file, source: "--config" },
      ...sources,
    });
  }

  function complaint(sources: Partial<NodeConfigSources>, yaml?: string): string {
    try {
      gather(sources, yaml);
    } catch (error) {
      expect(error).to.be.instanceOf(UsageError);
      return (error as UsageError).message.replaceAll(`${directory}/`, "");
    }
    throw new Error("nothing was wrong");
  }

  it("is complete with a node id and a store", () => {
    const config = check({});
    expect(config).to.deep.include({
      nodeId: "n1",
      listen: "127.0.0.1:7101",
      advertise: "127.0.0.1:7101",
      members: [{ nodeId: "n1", address: "127.0.0.1:7101" }],
      electionTimeoutMs: 1000,
      segmentBytesMax: 4 * 1024 * 1024,
      apiEndpoint: undefined,
      allowEmulator: false,
    });
    expect(Object.keys(config)).to.have.members(nodeConfigKeys);
  });

  it("has a default, or words for why there is none, for every setting", () => {
    for (const key of nodeConfigKeys) {
      expect(describeDefault(key), key).to.be.a("string").that.is.not.oneOf(["", "undefined"]);
      const initial = nodeSettings[key].default;
      if (initial !== undefined) {
        expect(nodeSettings[key].schema.safeParse(initial).success, key).to.equal(true);
      }
    }
  });

  it("names each setting alike everywhere", () => {
    expect(flagName("electionTimeoutMs")).to.equal("--election-timeout-ms");
    expect(environmentName("electionTimeoutMs")).to.equal("SURAFT_ELECTION_TIMEOUT_MS");
  });

  it("takes a flag before the environment, that before the file, that before the default", () => {
    const yaml = "nodeId: file\nstore: file:///log\nwindow: 3\nlogLevel: warn\n";
    const environment = { SURAFT_WINDOW: "4", SURAFT_LOG_LEVEL: "error", SURAFT_NODE_ID: "env" };
    const { config } = gather({ flags: { nodeId: "flag" }, environment }, yaml);
    expect(config).to.include({
      nodeId: "flag",
      window: 4,
      logLevel: "error",
      stopTimeoutMs: 10000,
    });
    expect(gather({ environment: {} }, yaml).config).to.include({ nodeId: "file", window: 3 });
  });

  it("takes sizes in bytes and in units", () => {
    expect(check({ cacheBytesMax: "128MiB" })).to.include({ cacheBytesMax: 128 * 1024 ** 2 });
    expect(check({ cacheBytesMax: "16 MiB" })).to.include({ cacheBytesMax: 16 * 1024 ** 2 });
    expect(check({ cacheBytesMax: 5_000_000 })).to.include({ cacheBytesMax: 5_000_000 });
    expect(check({ cacheBytesMax: "128MB" })).to.deep.equal([
      "cacheBytesMax must be a size from 64 KiB to 64 GiB (a number of bytes, or such as " +
        '512KiB, 4MiB, 1GiB); --cacheBytesMax says "128MB"',
    ]);
  });

  it("takes members as text, as a list and as a mapping", () => {
    const expected = [
      { nodeId: "n1", address: "a:1" },
      { nodeId: "n2", address: "[::1]:2" },
    ];
    expect(check({ members: "n1=a:1, n2=[::1]:2" })).to.deep.include({ members: expected });
    expect(check({ members: ["n1=a:1", "n2=[::1]:2"] })).to.deep.include({ members: expected });
    expect(check({ members: { n1: "a:1", n2: "[::1]:2" } })).to.deep.include({ members: expected });
  });

  it("is advertised where the members have it", () => {
    const config = check({ listen: "0.0.0.0:7101", members: "n1=log-1:7101,n2=log-2:7101" });
    expect(config).to.include({ advertise: "log-1:7101" });
  });

  const wrong: readonly (readonly [Values, RegExp])[] = [
    [{ nodeId: "a b" }, /^nodeId must be 1 to 64 letters/],
    [
      { store: "/var/log" },
      /^store has no scheme: use gs:\/\/bucket\/prefix, file:\/\/\/directory/,
    ],
    [{ store: "s3://bucket" }, /^store has the unknown scheme "s3:"/],
    [{ store: 7 }, /^store must be a URL/],
    [{ listen: "7101" }, /^listen must be host:port/],
    [{ listen: "a:65536" }, /^listen must be host:port/],
    [{ advertise: "a:0" }, /^advertise must be host:port/],
    [{ listen: "0.0.0.0:7101" }, /^advertise must be given: others cannot call 0.0.0.0:7101/],
    [{ members: "n1" }, /^members must be a list of id=host:port.*"n1" is not of that form/],
    [{ members: 5 }, /^members must be a list of id=host:port/],
    [{ members: "n2=a:1" }, /^members \(--members\) must name this node, n1; it names n2$/],
    [{ members: "n1=a:1,n2=a:1" }, /^members .* must differ: the address a:1 stands there twice/],
    [{ members: "n1=a:1,n1=b:1" }, /^members .* must differ: the id n1 stands there twice/],
    [
      { members: "n1=a:1", advertise: "b:1" },
      /^members .* and advertise must agree: n1 is at a:1 in one and at b:1 in the other$/,
    ],
    [
      { store: "memory:", members: "n1=a:1,n2=b:1" },
      /^store memory: lives in one process and cannot be shared by 2 members/,
    ],
    [{ window: 0 }, /^window must be a whole number from 1 to 256; --window says 0$/],
    [{ window: "x" }, /^window must be a whole number from 1 to 256; --window says "x"$/],
    [{ window: 1.5 }, /^window must be a whole number/],
    [{ window: null }, /^window must be a whole number .* says null$/],
    [{ logLevel: "verbose" }, /^logLevel must be error, warn, info or debug/],
    [{ allowEmulator: "yes" }, /^allowEmulator must be true or false/],
    [{ apiEndpoint: "localhost:4443" }, /^apiEndpoint must be an http or https URL/],
    [
      { heartbeatIntervalMs: 500 },
      /^electionTimeoutMs \(1000\) must be at least 3 times heartbeatIntervalMs \(500\)$/,
    ],
    [{ storeRequestTimeoutMs: 20_000 }, /^storeTimeoutMs \(10000\) must be at least storeRequest/],
    [
      { entryBytesMax: "8MiB" },
      /^appendBytesMax \(4 MiB\) must be at least entryBytesMax \(8 MiB\)/,
    ],
    [{ segmentBytesMax: "1MiB" }, /^segmentBytesMax \(1 MiB\) must be at least appendBytesMax/],
    [{ appendEntriesMax: 20_000 }, /^segmentEntriesMax \(16384\) must be at least appendEntries/],
    [{ queueBytesMax: "1MiB" }, /^queueBytesMax \(1 MiB\) must be at least segmentBytesMax/],
    [{ cacheBytesMax: "1MiB" }, /^cacheBytesMax \(1 MiB\) must be at least segmentBytesMax/],
    [
      { retentionEntriesMax: 5, retentionEntriesMin: 6 },
      /^retentionEntriesMax \(5\) must be at least retentionEntriesMin \(6\)/,
    ],
    [{ retentionEntriesMin: 6 }, /^retentionEntriesMin says what is kept, and nothing says what/],
    [
      { retentionToSnapshot: true },
      /^retentionToSnapshot says what is kept, and nothing says what/,
    ],
    [{ retentionAgeMs: 0 }, /^retentionAgeMs must be a whole number of milliseconds from 1000 to/],
    [{ retentionBytesMax: "5 GB" }, /^retentionBytesMax must be a size/],
    [{ graceMs: 10 }, /^graceMs must be a whole number of milliseconds from 1000 to/],
  ];
  for (const [values, message] of wrong) {
    it(`refuses ${JSON.stringify(values)}`, () => {
      const problems = check(values);
      expect(problems).to.be.an("array").with.lengthOf(1);
      expect((problems as readonly string[])[0]).to.match(message);
    });
  }

  it("names every wrong value at once", () => {
    expect(complaint({ flags: { window: "0" }, environment: { SURAFT_LISTEN: "x" } })).to.equal(
      "the configuration is wrong:\n" +
        '  - listen must be host:port, such as 127.0.0.1:7101 or [::1]:7101; SURAFT_LISTEN says "x"\n' +
        '  - window must be a whole number from 1 to 256; --window says "0"\n' +
        `  - nodeId must be given: ${nodeSettings.nodeId.description}\n` +
        `  - store must be given: ${nodeSettings.store.description}`,
    );
  });

  it("names the line of a mistake in a file, and what was probably meant", () => {
    const yaml = "nodeId: n1\nstore: file:///log\n\nelection_timeout: 3\nwindow: 0\n";
    expect(complaint({}, yaml)).to.equal(
      "the configuration is wrong:\n" +
        '  - suraft.yaml, line 4: there is no setting "election_timeout"; ' +
        "did you mean electionTimeoutMs?\n" +
        "  - window must be a whole number from 1 to 256; suraft.yaml, line 5 says 0",
    );
  });

  it("refuses a file that is no YAML, no mapping or not there", () => {
    expect(complaint({}, 'nodeId: "n1\n')).to.match(/^suraft.yaml, line \d: not valid YAML/);
    expect(complaint({}, "nodeId: n1\nnodeId: n2\n")).to.match(/line 2: not valid YAML.*unique/);
    expect(complaint({}, "- nodeId\n")).to.match(/must hold lines such as "nodeId: n1"/);
    expect(complaint({ file: { value: "/nowhere", source: "SURAFT_CONFIG" } })).to.equal(
      "cannot read the config file /nowhere (SURAFT_CONFIG): there is no such file",
    );
  });

  it("says what is wrong with YAML that is worse than wrong", () => {
    const files: readonly (readonly [string, RegExp])[] = [
      ["nodeId: *n", /line 1: cannot be read as YAML: Unresolved alias/],
      ["members: &a [*a]", /members must be a list of .*; .*line 1 says something else/],
      [`nodeId: ${"[".repeat(20_000)}`, /YAML/],
      ["? [nodeId]\n: n1", /line 1: a setting's name is plain text/],
      [`${"x".repeat(1_000)}: 1`, /there is no setting "x{57}\.\.\."; see suraft serve --help/],
      [`members:\n  ${billionLaughs}`, /line 1: cannot be read as YAML: Excessive alias count/],
    ];
    for (const [yaml, message] of files) {
      expect(() => gather({ flags: basics }, yaml), yaml.slice(0, 60))
        .to.throw(UsageError, message)
        .with.property("message")
        .with.length.below(1_000);
    }
  });

  it("takes a file that is empty or all comments", () => {
    expect(gather({ flags: basics }, "# nothing\n").config.nodeId).to.equal("n1");
  });

  it("warns of a variable that looks like a setting's with a typo, and of no other", () => {
    const environment = {
      SURAFT_WINDWO: "3",
      SURAFT_SERVICE_HOST: "10.0.0.1",
      SURAFT_ADDRESS: "a:1",
    };
    const { warnings } = gather({ flags: basics, environment });
    expect(warnings).to.deep.equal([
      "SURAFT_WINDWO in the environment is not a setting; did you mean SURAFT_WINDOW?",
    ]);
  });
});
