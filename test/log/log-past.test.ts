import { expect } from "chai";

import { LogPast } from "../../src/log/log-past.js";
import { sampleManifest, walkAt } from "./manifests.js";
import { failure, gate } from "./written-log.js";
import type { ManifestView } from "../../src/core/manifest.js";
import type { ManifestRead } from "../../src/log/log-past.js";

const { signal } = new AbortController();

/** A manifest whose floor is at a position. A grace of 1000. */
function manifestAt(floor: number, number = 3): ManifestView {
  return { ...sampleManifest, number, floor: walkAt(floor) };
}

/** A past with a clock that is set by hand and manifest reads that are answered by hand. */
class Staged {
  nowMs = 0;
  reads = 0;
  answer: () => Promise<ManifestView> = () => Promise.reject(new Error("no read was expected"));
  readonly past: LogPast;

  constructor(floor: number) {
    this.past = new LogPast({
      first: { manifest: manifestAt(floor), ageMs: 0 },
      ageMs: () => this.nowMs,
      read: () => this.#read(),
    });
  }

  async #read(): Promise<ManifestRead> {
    this.reads++;
    // No two readings of a real clock are the same.
    this.nowMs += 0.001;
    const ageMs = this.nowMs;
    return { manifest: await this.answer(), ageMs };
  }
}

describe("an answer about an old position (PROTOCOL 9)", () => {
  it("counts for half a grace after a manifest read showed the floor at or below it", async () => {
    const staged = new Staged(20);
    staged.nowMs = 499;
    expect(await staged.past.accepts(20, signal)).to.equal(true);
    expect(staged.reads).to.equal(0);
  });

  it("does not count below the floor, however lately that was read", async () => {
    const staged = new Staged(20);
    expect(await staged.past.accepts(19, signal)).to.equal(false);
  });

  it("waits for a manifest read that begins after it, and counts if the floor is not above", async () => {
    const staged = new Staged(20);
    staged.nowMs = 500;
    staged.answer = () => Promise.resolve(manifestAt(25, 4));
    expect(await staged.past.accepts(25, signal)).to.equal(true);
    expect(staged.reads).to.equal(1);
    expect(await staged.past.accepts(24, signal)).to.equal(false);
    staged.nowMs = 999;
    expect(await staged.past.accepts(25, signal)).to.equal(true);
    expect(staged.reads).to.equal(1);
  });

  it("counts however long the read took that began after it", async () => {
    const staged = new Staged(20);
    staged.nowMs = 600;
    staged.answer = () => {
      staged.nowMs += 10_000;
      return Promise.resolve(manifestAt(20));
    };
    expect(await staged.past.accepts(20, signal)).to.equal(true);
    expect(staged.reads).to.equal(1);
  });

  it("is not proven by a read that began before it and ended too late", async () => {
    const staged = new Staged(20);
    staged.nowMs = 600;
    const first = gate();
    staged.answer = () => first.opened.then(() => manifestAt(20));
    const early = staged.past.accepts(20, signal);
    const late = staged.past.accepts(21, signal);
    staged.nowMs += 500;
    staged.answer = () => Promise.resolve(manifestAt(22, 4));
    first.open();
    expect(await early).to.equal(true);
    expect(await late).to.equal(false);
    expect(staged.reads).to.equal(2);
  });

  it("waits together with others for one read", async () => {
    const staged = new Staged(20);
    staged.nowMs = 600;
    staged.answer = () => Promise.resolve(manifestAt(30, 5));
    const positions = [20, 25, 29, 30, 31];
    const counts = positions.map((position) => staged.past.accepts(position, signal));
    expect(await Promise.all(counts)).to.deep.equal([false, false, false, true, true]);
    expect(staged.reads).to.equal(1);
  });

  it("takes reads that others made", async () => {
    const staged = new Staged(20);
    staged.nowMs = 800;
    staged.past.note({ manifest: manifestAt(20), ageMs: 700 });
    staged.past.note({ manifest: manifestAt(20), ageMs: 100 });
    expect(await staged.past.accepts(20, signal)).to.equal(true);
    staged.past.note({ manifest: manifestAt(24, 7), ageMs: 600 });
    staged.past.note({ manifest: manifestAt(22, 6), ageMs: 650 });
    expect(staged.past.manifest.number).to.equal(7);
    expect(await staged.past.accepts(23, signal)).to.equal(false);
    expect(staged.reads).to.equal(0);
  });

  it("fails as the read fails, and as the signal does, and is asked again later", async () => {
    const staged = new Staged(20);
    staged.nowMs = 600;
    staged.answer = () => Promise.reject(new Error("no answer"));
    expect(await failure(staged.past.accepts(20, signal))).to.have.property("message", "no answer");
    const never = gate();
    staged.answer = () => never.opened.then(() => manifestAt(20));
    const controller = new AbortController();
    const waiting = staged.past.accepts(20, controller.signal);
    controller.abort(new Error("enough"));
    expect(await failure(waiting)).to.have.property("message", "enough");
    never.open();
    staged.answer = () => Promise.resolve(manifestAt(20));
    expect(await staged.past.accepts(20, signal)).to.equal(true);
  });

  it("is not judged by manifests that have gone back: that is damage", async () => {
    const staged = new Staged(20);
    staged.nowMs = 600;
    staged.answer = () => Promise.resolve(manifestAt(20, 2));
    const error = await failure(staged.past.accepts(20, signal));
    expect(error).to.include({ kind: "corrupt" });
    expect(error).to.have.property("message").that.contains("manifest/00000000000000000003");
  });
});
