import { expect } from "chai";
import { durationOption } from "../../src/cli/client-options.js";
import { formatEntry, type PrintedEntry } from "../../src/cli/entry-format.js";
import { suggest } from "../../src/cli/suggestion.js";
import { escapeControls } from "../../src/cli/terminal.js";
import { formatDuration, parseDuration, parseTime } from "../../src/cli/time.js";

describe("times", () => {
  it("reads durations", () => {
    expect(parseDuration("250ms")).to.equal(250);
    expect(parseDuration("1.5s")).to.equal(1500);
    expect(parseDuration("7d")).to.equal(604_800_000);
    for (const wrong of ["", "5", "s", "-1s", "1 s", "1w"]) {
      expect(parseDuration(wrong), wrong).to.equal(undefined);
    }
  });

  it("reads points in time, and how long ago", () => {
    expect(parseTime("1970-01-01T00:00:10Z", 0)).to.equal(10_000);
    expect(parseTime("1970-01-01T00:00:10.5+01:00", 0)).to.equal(-3_589_500);
    expect(parseTime("1970-01-02", 0)).to.equal(86_400_000);
    expect(parseTime("10m", 1_000_000)).to.equal(400_000);
    for (const wrong of [
      "",
      "now",
      "10",
      "2026-13-01",
      "2026-02-01T25:00:00Z",
      "1.2.2026",
      "0000-12-31",
      "999999982d",
    ]) {
      expect(parseTime(wrong, 0), wrong).to.equal(undefined);
    }
  });

  it("takes no duration that no timer can wait for", () => {
    expect(durationOption("24d")).to.equal(2_073_600_000);
    for (const wrong of ["25d", "62458m", "999999999d", "0s"]) {
      expect(() => durationOption(wrong), wrong).to.throw("24d at most");
    }
  });

  it("writes durations in two units at the most", () => {
    const seconds = [0, 59, 60, 3599, 3600, 86_399, 86_400, 360_000];
    expect(seconds.map((second) => formatDuration(second * 1000))).to.deep.equal([
      "0s",
      "59s",
      "1m 00s",
      "59m 59s",
      "1h 00m",
      "23h 59m",
      "1d 00h",
      "4d 04h",
    ]);
  });
});

describe("suggestions", () => {
  const known = ["electionTimeoutMs", "window", "store", "storeTimeoutMs"];

  it("finds what a mistyped word was meant to be", () => {
    expect(suggest("windwo", known)).to.equal("window");
    expect(suggest("election-timeout-ms", known)).to.equal("electionTimeoutMs");
    expect(suggest("ELECTION_TIMEOUT", known)).to.equal("electionTimeoutMs");
    expect(suggest("stor", known)).to.equal("store");
  });

  it("suggests nothing for a word that is much too long, and says so at once", () => {
    const word = "window".repeat(20);
    expect(suggest(word, [word.slice(1)])).to.equal(undefined);
  });

  it("suggests nothing for a word that is like none", () => {
    expect(suggest("bucket", known)).to.equal(undefined);
    expect(suggest("x", known)).to.equal(undefined);
    expect(suggest("x", [])).to.equal(undefined);
  });
});

describe("entries as text", () => {
  const entry: PrintedEntry = {
    index: 3,
    term: 2,
    timestampMs: 0,
    payload: Buffer.from("\u001b[2Jé\tx"),
    headers: [{ key: "k", value: Buffer.from([255]) }],
    key: "",
  };
  const show = (options: Partial<Parameters<typeof formatEntry>[1]>) =>
    Buffer.from(
      formatEntry(entry, { format: "text", terminal: false, verbose: false, ...options }),
    ).toString();

  it("leaves the bytes alone where no terminal is", () => {
    expect(show({})).to.equal("\u001b[2Jé\tx\n");
  });

  it("does not let a payload steer the terminal", () => {
    expect(show({ terminal: true })).to.equal("\\x1b[2Jé\tx\n");
    expect(escapeControls("a\nb\r\u009b")).to.equal("a\nb\\x0d\\x9b");
  });

  it("shows headers in JSON, in base64 where they are no text", () => {
    expect(JSON.parse(show({ format: "json" }))).to.deep.equal({
      index: 3,
      term: 2,
      timestamp: "1970-01-01T00:00:00.000Z",
      payload: "\u001b[2Jé\tx",
      headers: [{ key: "k", valueBase64: "/w==" }],
    });
  });
});
