import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect } from "chai";
import { freePorts } from "./free-ports.js";
import { runSuraft, startSuraft, type Run } from "./run-suraft.js";

describe("suraft's node processes", function () {
  this.timeout(120_000);
  let directory: string;
  const runs: Run[] = [];

  beforeEach(async () => {
    directory = await mkdtemp(path.join(tmpdir(), "suraft nodes-"));
  });

  afterEach(async () => {
    for (const run of runs.splice(0)) {
      run.process.kill("SIGTERM");
      await run.outcome;
    }
    await rm(directory, { recursive: true });
  });

  function start(args: readonly string[]): Run {
    const run = startSuraft(args);
    runs.push(run);
    return run;
  }

  /** Process ids of the nodes under the directory, by node id. */
  function nodeProcesses(): ReadonlyMap<string, number> {
    const found = new Map<string, number>();
    const list = execFileSync("ps", ["-A", "-ww", "-o", "pid=,args="]).toString();
    for (const line of list.split("\n")) {
      const match = /^\s*(\d+).* serve --node-id (\S+) /.exec(line);
      if (match?.[2] !== undefined && line.includes(encodeURI(path.basename(directory)))) {
        found.set(match[2], Number(match[1]));
      }
    }
    return found;
  }

  async function untilNoneIsLeft(): Promise<void> {
    while (nodeProcesses().size > 0) {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  describe("dev", () => {
    const dev = (basePort: number) => [
      "dev",
      "--directory",
      path.join(directory, "dev"),
      "--base-port",
      String(basePort),
    ];

    it("runs a cluster, starts a dead node again, stops all, and keeps the log", async () => {
      const basePort = await freePorts(3);
      const address = [1, 2, 3].map((node) => `127.0.0.1:${String(basePort + node - 1)}`).join(",");
      const first = start(dev(basePort));
      await first.seen(
        / leader\n[^]*suraft append[^]*suraft read[^]*suraft status[^]*Ctrl-C stops/,
      );
      expect([...nodeProcesses().keys()].toSorted()).to.deep.equal(["n1", "n2", "n3"]);
      const appended = await runSuraft(["append", "one", "two", "--address", address]);
      expect(appended).to.deep.equal({ code: 0, stdout: "1\n2\n", stderr: "" });

      const victim = nodeProcesses().get("n2");
      process.kill(victim ?? 0, "SIGKILL");
      await first.seen(/n2 was killed by SIGKILL; it is started again in 0.5 s/);
      await first.seen(/n2 serves again/);
      expect(nodeProcesses().get("n2")).to.be.a("number").that.is.not.equal(victim);

      first.process.kill("SIGINT");
      expect(await first.outcome).to.include({ code: 0, stderr: "" });
      expect([...nodeProcesses()]).to.deep.equal([]);
      for (const nodeId of ["n1", "n2", "n3"]) {
        const log = await readFile(path.join(directory, "dev", "logs", `${nodeId}.log`), "utf8");
        expect(log, nodeId)
          .to.match(/stopping\n/)
          .and.match(/stopped\n/);
        expect(log, "all of them stop").not.to.match(/handed over|leads now/);
      }

      const second = start(["dev", "--directory", path.join(directory, "dev")]);
      await second.seen(/over a log that is there already[^]* leader\n/);
      const read = await runSuraft(["read", "--address", address]);
      expect(read).to.deep.equal({ code: 0, stdout: "one\ntwo\n", stderr: "" });
    });

    it("leaves no node behind when it is killed", async () => {
      const run = start(dev(await freePorts(3)));
      await run.seen(/ leader\n/);
      run.process.kill("SIGKILL");
      await run.outcome;
      await untilNoneIsLeft();
    });

    it("starts again at once where it was killed: its nodes are about to end", async () => {
      const basePort = await freePorts(3);
      const first = start(dev(basePort));
      await first.seen(/ leader\n/);
      first.process.kill("SIGKILL");
      const second = start(dev(basePort));
      await second.seen(/over a log that is there already[^]* leader\n/);
    });

    it("says which port is in use, and starts nothing", async () => {
      const basePort = await freePorts(3);
      const other = createServer().listen(basePort + 1, "127.0.0.1");
      await once(other, "listening");
      const { code, stdout, stderr } = await runSuraft(dev(basePort));
      other.close();
      expect(code).to.equal(1);
      expect(stdout).to.equal(`port ${basePort + 1} is in use: waiting a moment for it\n`);
      expect(stderr).to.match(
        new RegExp(`^error: port ${String(basePort + 1)} of 127.0.0.1 is in`),
      );
      expect([...nodeProcesses()]).to.deep.equal([]);
    });

    it("says why a directory cannot be used", async () => {
      await writeFile(path.join(directory, "dev"), "a file");
      const { code, stderr } = await runSuraft(dev(await freePorts(3)));
      expect(code).to.equal(1);
      expect(stderr).to.match(
        /^error: cannot use the directory .*: a part of the path is a file\n$/,
      );
    });

    it("does not mix another cluster into a directory", async () => {
      const basePort = await freePorts(3);
      const file = path.join(directory, "dev", "dev.json");
      const run = start(dev(basePort));
      await run.seen(/ leader\n/);
      expect(JSON.parse(await readFile(file, "utf8"))).to.deep.equal({ nodes: 3, basePort });
      const { code, stderr } = await runSuraft([...dev(basePort), "--nodes", "5"]);
      expect(code).to.equal(2);
      expect(stderr).to.match(/holds a cluster of 3 nodes from port \d+ on/);
    });
  });

  describe("serve", () => {
    const serve = () => ["serve", "--node-id", "a", "--listen", "127.0.0.1:0", "--store"];

    it("says in one line where it serves, logs elsewhere, and stops in order", async () => {
      const run = start([...serve(), "memory:", "--log-format", "json"]);
      const [, address] = await run.seen(
        /^suraft a serves on (127.0.0.1:\d+), store memory:, members a\n$/,
      );
      const appended = await runSuraft(["append", "x", "--address", address ?? ""]);
      expect(appended).to.include({ code: 0, stdout: "1\n" });
      run.process.kill("SIGTERM");
      const { code, stderr } = await run.outcome;
      expect(code).to.equal(0);
      const messages = stderr.trim().split("\n");
      expect(messages.map((line) => JSON.parse(line) as unknown).at(-1)).to.include({
        level: "info",
        message: "stopped",
        node: "a",
      });
    });

    it("is told what is wrong in a config file", async () => {
      const file = path.join(directory, "suraft.yaml");
      await writeFile(file, "nodeId: n1\nstroe: file:///log\n");
      const { code, stderr } = await runSuraft(["serve", "--config", file]);
      expect(code).to.equal(2);
      expect(stderr).to.include(
        'suraft.yaml, line 2: there is no setting "stroe"; did you mean store?',
      );
    });

    it("says that its port is in use", async () => {
      const other = createServer().listen(0, "127.0.0.1");
      await once(other, "listening");
      const bound = other.address();
      const port = typeof bound === "object" && bound !== null ? bound.port : 0;
      const args = ["--node-id", "a", "--listen", `127.0.0.1:${String(port)}`];
      const { code, stderr } = await runSuraft(["serve", ...args, "--store", "memory:"]);
      other.close();
      expect(code).to.equal(1);
      expect(stderr).to.match(
        /^error: cannot serve on 127.0.0.1:\d+: another process uses this port\n$/,
      );
    });
  });
});
