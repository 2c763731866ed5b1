import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect } from "chai";
import { create } from "@bufbuild/protobuf";
import { EntrySchema } from "../../gen/suraft/v1/log_pb.js";
import { SuraftError } from "../../src/errors.js";
import { MemoryLog, startLogDouble, type LogDouble } from "../client/log-double.js";
import { runSuraft, startSuraft } from "./run-suraft.js";

describe("suraft's client commands", function () {
  this.timeout(30_000);
  let log: MemoryLog;
  let server: LogDouble;
  let directory: string;

  beforeEach(async () => {
    log = new MemoryLog();
    server = await startLogDouble({ log });
    directory = await mkdtemp(path.join(tmpdir(), "suraft-cli-"));
  });

  afterEach(async () => {
    await server.stop();
    await rm(directory, { recursive: true });
  });

  const run = (line: string[], input: string | Uint8Array = "") =>
    runSuraft([...line, "--address", server.address], { input });

  function fill(...texts: (string | Uint8Array)[]): void {
    for (const text of texts) {
      const payload = typeof text === "string" ? Buffer.from(text) : text;
      log.append([create(EntrySchema, { payload })], log.nextIndex * 1000);
    }
  }

  describe("append", () => {
    it("appends each argument and prints its index", async () => {
      const { code, stdout, stderr } = await run(["append", "hello", "two words", ""]);
      expect(stderr).to.equal("");
      expect(stdout).to.equal("1\n2\n3\n");
      expect(code).to.equal(0);
      expect(log.texts).to.deep.equal(["hello", "two words", ""]);
    });

    it("appends the lines of standard input, byte for byte", async () => {
      const lines = ["plain", "", "ends with CR\r", "ümläut", "no newline at the end"];
      const { code, stdout } = await run(["append"], lines.join("\n"));
      expect(code).to.equal(0);
      expect(stdout).to.equal("1\n2\n3\n4\n5\n");
      expect(log.texts).to.deep.equal(lines);
    });

    it("appends bytes that are not text", async () => {
      const bytes = Buffer.from([0, 255, 254, 13, 128]);
      await run(["append"], Buffer.concat([bytes, Buffer.from("\n")]));
      expect(Buffer.from(log.stored[0]?.entry.payload ?? [])).to.deep.equal(bytes);
    });

    it("appends the lines of a file in their order", async () => {
      const lines = Array.from({ length: 3000 }, (_, index) => `line ${String(index)}`);
      const file = path.join(directory, "lines.txt");
      await writeFile(file, `${lines.join("\n")}\n`);
      const { code, stdout } = await run(["append", "--file", file]);
      expect(code).to.equal(0);
      expect(stdout.trim().split("\n").length).to.equal(3000);
      expect(log.texts).to.deep.equal(lines);
    });

    it("appends a whole file as one entry with headers", async () => {
      const file = path.join(directory, "two-lines.txt");
      await writeFile(file, "one\ntwo\n");
      const header = ["--header", "name=two=lines", "--header", "type=text"];
      const { stdout } = await run(["append", "--binary", "--file", file, ...header]);
      expect(stdout).to.equal("1\n");
      expect(log.texts).to.deep.equal(["one\ntwo\n"]);
      const headers = log.stored[0]?.entry.headers.map(({ key, value }) => [
        key,
        Buffer.from(value).toString(),
      ]);
      expect(headers).to.deep.equal([
        ["name", "two=lines"],
        ["type", "text"],
      ]);
    });

    it("prints JSON", async () => {
      const { stdout } = await run(["append", "--json", "a", "b"]);
      const lines = stdout.trim().split("\n");
      expect(lines.map((line) => JSON.parse(line) as unknown)).to.deep.equal([
        { index: 1, term: 7, timestamp: "2023-11-14T22:13:20.000Z" },
        { index: 2, term: 7, timestamp: "2023-11-14T22:13:20.000Z" },
      ]);
    });

    it("says which line was refused, and what became of the others", async () => {
      const error = new SuraftError("invalid", "the entry has 9 bytes; at most 8 are allowed");
      server.spoils.push(undefined, undefined, { type: "refuse", error });
      const { code, stdout, stderr } = await run(["append"], "a\nb\nc\nd\n");
      expect(code).to.equal(1);
      expect(stdout).to.equal("1\n2\n");
      expect(stderr).to.match(/^error: the entry has 9 bytes; at most 8 are allowed\n/);
      expect(stderr).to.match(
        /stopped at standard input, line 3; appended: 2 entries, indexes 1-2; not appended: [12] /,
      );
      expect(log.texts).to.deep.equal(["a", "b"]);
    });

    it("appends exactly once where an answer is lost", async () => {
      server.spoils.push({ type: "mute", store: true });
      log.once("appended", () => {
        server.cut();
      });
      const { code, stdout } = await run(["append", "a", "b", "--json"]);
      expect(code).to.equal(0);
      const [a, b] = stdout.split("\n").map((line) => (line === "" ? {} : JSON.parse(line)));
      expect(a).to.include({ index: 1, repeat: true });
      expect(b).to.include({ index: 2 });
      expect(log.texts).to.deep.equal(["a", "b"]);
    });

    it("prints no index that the log has forgotten", async () => {
      log.model.forgetful = true;
      server.spoils.push({ type: "mute", store: true });
      log.once("appended", () => {
        server.cut();
      });
      expect(await run(["append", "a"])).to.include({ code: 0, stdout: "?\n" });
    });

    it("exits with 4 when the outcome stays unknown, and says how to find out", async () => {
      const mute = { type: "mute", store: false } as const;
      server.spoils.push(...Array.from({ length: 50 }, () => mute));
      const { code, stderr } = await run(["append", "--timeout", "500ms", "a"]);
      expect(code).to.equal(4);
      expect(stderr).to.match(
        /^error: .* the entries may be in the log or not, now or later\nwhat became of it: suraft outcome --settle 1 1\n$/,
      );
      const outcome = await run(["outcome", "--settle", "1", "1"]);
      expect(outcome.stdout).to.match(/^not in the log, for good/);
    });

    it("stops at an unknown outcome, at most once", async () => {
      server.spoils.push({ type: "mute", store: true });
      log.on("appended", () => {
        server.cut();
      });
      const { code, stderr } = await run(["append", "--delivery", "at-most-once", "a"]);
      expect(code).to.equal(4);
      expect(stderr).to.match(/^error: .* the entries may be in the log or not, now or later\n$/);
    });

    it("appends a second time, at least once", async () => {
      server.spoils.push({ type: "mute", store: true });
      log.once("appended", () => {
        server.cut();
      });
      const { code, stdout } = await run(["append", "--delivery", "at-least-once", "a"]);
      expect(code).to.equal(0);
      expect(stdout).to.equal("2\n");
      expect(log.texts).to.deep.equal(["a", "a"]);
    });

    it("appends all entries or none where the log must be as expected", async () => {
      expect(await run(["append", "--expected-next-index", "1", "a", "b"])).to.deep.equal({
        code: 0,
        stdout: "1\n2\n",
        stderr: "",
      });
      const late = await run(["append", "--expected-next-index", "1", "x", "y"]);
      expect(late).to.include({ code: 5, stdout: "" });
      expect(late.stderr).to.match(/^error: the next index is 3, not the expected one\n/);
      expect(late.stderr).to.include("not appended: 2 entries");
      expect(log.texts).to.deep.equal(["a", "b"]);
    });

    it("appends under a key only if nobody did since", async () => {
      const keyed = ["append", "--key", "config"];
      expect(await run([...keyed, "one"])).to.include({ code: 0, stdout: "1\n" });
      const read = await run(["read", "--format", "json"]);
      expect(JSON.parse(read.stdout)).to.include({ index: 1, payload: "one", key: "config" });
      const since = (index: string) => [...keyed, "--if-key-unchanged-since", index];
      expect(await run([...since("2"), "two"])).to.include({ code: 0, stdout: "2\n" });
      const late = await run([...since("2"), "three"]);
      expect(late).to.include({ code: 5 });
      expect(late.stderr).to.equal('error: the last entry with the key "config" has index 2\n');
      expect(log.texts).to.deep.equal(["one", "two"]);
    });

    it("appends only under the fencing token in force", async () => {
      expect(await run(["append", "--set-fencing-token", "8", "mine"])).to.include({ code: 0 });
      expect(await run(["append", "--fencing-token", "8"], "a\nb\n")).to.include({
        code: 0,
        stdout: "2\n3\n",
      });
      await run(["append", "--set-fencing-token", "9", "other's"]);
      const stale = await run(["append", "--fencing-token", "8"], "c\nd\n");
      expect(stale).to.include({ code: 5, stdout: "" });
      expect(stale.stderr).to.match(/another fencing token is in force since index 4/);
      expect(log.texts).to.deep.equal(["mine", "a", "b", "other's"]);
    });

    it("finishes what it has sent when it is interrupted", async () => {
      const appending = startSuraft(["append", "--address", server.address]);
      appending.process.stdin.write("a\nb\n");
      await appending.seen(/2\n/);
      appending.process.kill("SIGINT");
      const { code, stderr } = await appending.outcome;
      expect(code).to.equal(130);
      expect(stderr).to.equal("interrupted; appended: 2 entries, indexes 1-2\n");
    });

    it("ends, though its input does not, when an append fails", async () => {
      server.spoils.push({ type: "refuse", error: new SuraftError("invalid", "no") });
      const appending = startSuraft(["append", "--address", server.address]);
      appending.process.stdin.write("a\n");
      expect(await appending.outcome).to.include({ code: 1, stderr: "error: no\n" });
    });
  });

  describe("outcome", () => {
    it("says where an append stands, as text and as JSON", async () => {
      await run(["append", "a"]);
      expect(await run(["outcome", "1", "1"])).to.deep.equal({
        code: 0,
        stdout: "in the log, at index 1\n",
        stderr: "",
      });
      const { stdout } = await run(["outcome", "1", "1", "--json"]);
      expect(JSON.parse(stdout)).to.include({ type: "committed", firstIndex: 1, lastIndex: 1 });
    });

    it("says that it may come still, and settles it", async () => {
      await run(["append", "a"]);
      const undecided = await run(["outcome", "1", "3"]);
      expect(undecided.stdout).to.equal(
        "not in the log yet: the producer is at number 1" +
          ", and 1 number must come before it; --settle decides it\n",
      );
      const settled = "not in the log, for good: the producer was closed at number 1\n";
      expect((await run(["outcome", "--settle", "1", "3"])).stdout).to.equal(settled);
    });

    it("says that a producer is none, or forgotten", async () => {
      await run(["append", "a"]);
      log.model.expire(1);
      const expired = await run(["outcome", "1", "1"]);
      expect(expired).to.include({ code: 1 });
      expect(expired.stderr).to.match(/^error: producer 1 has expired/);
      const never = await run(["outcome", "9", "1"]);
      expect(never).to.include({ code: 1, stderr: "error: producer 9 was never opened\n" });
    });
  });

  describe("read", () => {
    it("prints payloads as lines", async () => {
      fill("one", "two", "three");
      expect(await run(["read"])).to.deep.equal({
        code: 0,
        stdout: "one\ntwo\nthree\n",
        stderr: "",
      });
    });

    it("reads from an index, the last n, a time; up to an index, a time, a count", async () => {
      fill("1", "2", "3", "4", "5");
      const read = async (line: string) => (await run(["read", ...line.split(" ")])).stdout;
      expect(await read("--from 4")).to.equal("4\n5\n");
      expect(await read("--last 2")).to.equal("4\n5\n");
      expect(await read("--since 1970-01-01T00:00:03Z")).to.equal("3\n4\n5\n");
      expect(await read("--end 3")).to.equal("1\n2\n");
      expect(await read("--until 1970-01-01T00:00:03Z")).to.equal("1\n2\n");
      expect(await read("-n 1 --from 2")).to.equal("2\n");
    });

    it("prints raw bytes with nothing between", async () => {
      const bytes = Buffer.from([0, 200, 10, 255]);
      fill(bytes, "x");
      const reading = startSuraft(["read", "--format", "raw", "--address", server.address]);
      const chunks: Buffer[] = [];
      reading.process.stdout.on("data", (chunk: Buffer) => chunks.push(chunk));
      await reading.outcome;
      expect(Buffer.concat(chunks)).to.deep.equal(Buffer.concat([bytes, Buffer.from("x")]));
    });

    it("prints JSON lines, bytes that are no text in base64", async () => {
      fill("héllo\n", Buffer.from([255, 0]));
      const { stdout } = await run(["read", "--format", "json"]);
      expect((await run(["read", "--json"])).stdout).to.equal(stdout);
      expect(
        stdout
          .trim()
          .split("\n")
          .map((line) => JSON.parse(line) as unknown),
      ).to.deep.equal([
        { index: 1, term: 7, timestamp: "1970-01-01T00:00:01.000Z", payload: "héllo\n" },
        { index: 2, term: 7, timestamp: "1970-01-01T00:00:02.000Z", payloadBase64: "/wA=" },
      ]);
    });

    it("puts index and time before each line when asked to be verbose", async () => {
      fill("one");
      const { stdout } = await run(["read", "-v"]);
      expect(stdout).to.equal("1\t1970-01-01T00:00:01.000Z\tone\n");
    });

    it("prints entries as they come, and ends with 130 at Ctrl-C", async () => {
      fill("one");
      const reading = startSuraft(["read", "--follow", "--address", server.address]);
      await reading.seen(/one\n/);
      fill("two");
      await reading.seen(/one\ntwo\n/);
      reading.process.kill("SIGINT");
      expect(await reading.outcome).to.deep.equal({ code: 130, stdout: "one\ntwo\n", stderr: "" });
    });

    it("ends in silence when its reader has seen enough", async () => {
      fill(...Array.from({ length: 2000 }, () => "x".repeat(500)));
      const reading = startSuraft(["read", "--follow", "--address", server.address]);
      await reading.seen(/x\n/);
      reading.process.stdout.destroy();
      fill("more", "and more");
      expect(await reading.outcome).to.include({ code: 0, stderr: "" });
    });

    it("says where the log is when asked for an index beyond it", async () => {
      fill("one");
      const { code, stderr } = await run(["read", "--from", "9"]);
      expect(code).to.equal(1);
      expect(stderr).to.equal("error: there is no index 9 yet\n");
    });
  });

  describe("tail", () => {
    it("says how far the log is", async () => {
      fill("one", "two");
      const { stdout } = await run(["tail"]);
      expect(stdout).to.equal("next index   3\nfirst index  1\nterm         7\n");
      expect((await run(["tail", "--local"])).stdout).to.match(/as of        1s ago\n$/);
      const json = (await run(["tail", "--json"])).stdout;
      expect(JSON.parse(json)).to.deep.equal({ nextIndex: 3, firstIndex: 1, term: 7, ageMs: 0 });
    });

    it("says that an empty log holds no entry", async () => {
      expect((await run(["tail"])).stdout).to.include("first index  none: the log holds no entry");
    });
  });

  describe("status", () => {
    it("shows all nodes, those that do not answer too", async () => {
      const down = { nodeId: "n10", address: "127.0.0.1:1" };
      const second = await startLogDouble({ log, nodeId: "n2", role: 2 });
      const members = [down, { nodeId: "n2", address: second.address }];
      const first = await startLogDouble({ log, members });
      fill("one");
      const { code, stdout } = await runSuraft(["status", "--address", first.address]);
      await first.stop();
      await second.stop();
      expect(code).to.equal(0);
      const lines = stdout.split("\n").map((line) => line.replace(/ +/g, " "));
      expect(lines[0]).to.equal("NODE ADDRESS ROLE TERM FIRST LAST POSITION UPTIME STATE");
      expect(lines[1]).to.equal(`n1 ${first.address} leader 7 1 1 3 1m 01s serving`);
      expect(lines[2]).to.equal(`n2 ${second.address} follower 7 1 1 3 1m 01s serving`);
      expect(lines[3]).to.equal("n10 127.0.0.1:1 - - - - - - no answer");
      expect(stdout).to.include("n10: cannot connect to 127.0.0.1:1");
      expect(stdout.split("\n").filter((line) => line.length > 80)).to.deep.equal([]);
    });

    it("prints JSON", async () => {
      const { stdout } = await run(["status", "--json"]);
      const { nodes } = JSON.parse(stdout) as { nodes: unknown[] };
      expect(nodes[0]).to.include({ reachable: true, nodeId: "n1", role: "leader", term: 7 });
    });

    it("draws again and again until it is interrupted", async () => {
      const args = ["status", "--watch", "--interval", "50ms", "--address", server.address];
      const watching = startSuraft(args);
      await watching.seen(/NODE[^]*NODE[^]*NODE/);
      watching.process.kill("SIGINT");
      expect(await watching.outcome).to.include({ code: 130, stderr: "" });
    });
  });

  describe("trim", () => {
    it("says where the log begins then", async () => {
      await run(["append", "a", "b", "c"]);
      const { code, stdout } = await run(["trim", "--before", "3"]);
      expect([code, stdout]).to.deep.equal([0, "3\n"]);
      const json = await run(["trim", "--before", "2", "--json"]);
      expect(JSON.parse(json.stdout)).to.deep.equal({ firstIndex: 3 });
    });

    it("says why it trimmed nothing", async () => {
      const beyond = await run(["trim", "--before", "100"]);
      expect(beyond.code).to.not.equal(0);
      expect(beyond.stderr).to.contain("beyond its next index").and.not.contain("    at ");
      const old = await run(["trim", "--before", "1", "--expected-first-index", "9"]);
      expect(old.code).to.not.equal(0);
      expect(old.stderr).to.contain("not at the expected one");
      const usage = await run(["trim"]);
      expect(usage.code).to.equal(2);
      expect(usage.stderr).to.contain("--before");
    });
  });

  describe("transfer", () => {
    it("says who leads then", async () => {
      const { code, stdout } = await run(["transfer", "n2"]);
      expect([code, stdout]).to.deep.equal([0, "n2 at 127.0.0.1:1 leads\n"]);
      const json = await run(["transfer", "n2", "--json"]);
      expect(JSON.parse(json.stdout)).to.deep.equal({ nodeId: "n2", address: "127.0.0.1:1" });
    });

    it("says why it did not take place", async () => {
      server.transferFailures.push(new SuraftError("conflict", "n2 was not heard lately"));
      const { code, stderr } = await run(["transfer", "n2"]);
      expect(code).to.not.equal(0);
      expect(stderr).to.contain("n2 was not heard lately").and.not.contain("    at ");
    });
  });
});
