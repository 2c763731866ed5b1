import { expect } from "chai";
import { archiveRef, checkpointRef, manifest, upkeepLog, upkeepSettings } from "../samples.js";
import { at, graceMs, Host, type EffectOf } from "./upkeep-story.js";
import type { SnapshotRef } from "../../../src/core/manifest.js";

const founding = manifest({ graceMs });

describe("upkeep's manifests (PROTOCOL 10)", () => {
  it("are one look of a new leader's, and nothing while there is nothing to do", () => {
    const host = new Host();
    host.tick();
    host.reads(founding);
    host.tick(100);
    expect(host.effects).to.deep.equal([]);
  });

  it("are none of a follower's", () => {
    const host = new Host();
    host.log = { ...upkeepLog(at(500)), view: { role: "follower" } };
    host.tick();
    expect(host.effects).to.deep.equal([]);
  });

  it("carry a checkpoint that was created before, under the number of the manifest", () => {
    const host = new Host();
    host.log = upkeepLog(at(100));
    host.tick();
    host.reads(founding);
    host.makesLedger();
    host.reads(founding);
    const written = host.creates("created");
    expect(written).to.deep.include({ number: 1, floor: founding.floor, clusterId: "cluster" });
    expect(written.checkpoint).to.deep.include({ walk: at(100) });
    expect(written.checkpoint?.ledger.id.manifest).to.equal(1);
    host.reads(written);
    host.tick(100);
    expect(host.effects, "there is nothing more to do").to.deep.equal([]);
  });

  it("count only if a later read shows it: a writer that lost starts over from what it reads", () => {
    const host = new Host();
    host.log = upkeepLog(at(100));
    host.tick();
    host.reads(founding);
    host.makesLedger();
    host.reads(founding);
    host.creates("created");
    // What was created is a ghost: others have written on, and know of no checkpoint of this node's.
    const others = manifest({ graceMs, number: 7, nonce: "theirs" });
    host.reads(others);
    expect(host.next("createLedger").id.manifest).to.equal(8);
  });

  it("are sent again, the same, until they exist", () => {
    const host = new Host();
    host.log = upkeepLog(at(100));
    host.tick();
    host.reads(founding);
    host.makesLedger();
    host.reads(founding);
    const first = host.creates("unknown");
    host.tick(upkeepSettings.repeatMs - 1);
    expect(host.effects).to.deep.equal([]);
    host.tick(1);
    expect(host.creates("exists")).to.equal(first);
    host.next("readManifest");
  });

  it("name nothing that was made for another number", () => {
    const host = new Host();
    host.log = upkeepLog(at(100));
    host.tick();
    host.reads(founding);
    host.makesLedger();
    host.reads(manifest({ graceMs, number: 1, nonce: "theirs" }));
    expect(host.next("createLedger").id.manifest, "made anew").to.equal(2);
  });

  it("name an archive together with the floor at its end, if it still begins at the floor", () => {
    const known = manifest({ graceMs, checkpoint: checkpointRef(at(60)) });
    for (const floor of [0, 10]) {
      const host = new Host();
      host.log = upkeepLog(at(70));
      host.tick();
      host.reads(known);
      const { request, id, from, to } = host.next("createArchive");
      expect([from.tail, to.tail]).to.deep.equal([0, 60]);
      const archive = { ...archiveRef(from, at(40)), id };
      const outcome = { type: "created", archive, end: at(40) } as const;
      host.give({ type: "archiveResult", request, outcome });
      host.reads({ ...known, floor: floor === 0 ? known.floor : at(floor) });
      if (floor === 0) {
        const written = host.creates("created");
        expect(written).to.deep.include({ floor: at(40), archives: [archive], number: 1 });
      } else {
        expect(host.next("createArchive").from, "from the new floor").to.deep.equal(at(10));
      }
    }
  });

  it("name no archive of another log, and say so once the floor is seen to be where it was", () => {
    const known = manifest({ graceMs, checkpoint: checkpointRef(at(60)) });
    const host = new Host();
    host.log = upkeepLog(at(70));
    host.tick();
    host.reads(known);
    const { request, id, from } = host.next("createArchive");
    const end = { ...at(60), nextIndex: 59 };
    const archive = { ...archiveRef(from, end), id };
    host.give({ type: "archiveResult", request, outcome: { type: "created", archive, end } });
    host.reads(known);
    host.next("damaged");
    host.tick(10_000);
    expect(host.effects.filter(({ type }) => type.startsWith("create"))).to.deep.equal([]);
  });
});

describe("upkeep's sweeps (PROTOCOL 9, 10)", () => {
  const named = checkpointRef(at(20));
  const second = manifest({ graceMs, number: 2, nonce: "m2", floor: at(10), checkpoint: named });
  const others = ["archive", "checkpoint", "snapshot"];

  /** A leader that has known the second manifest for a grace. */
  function waiting(): Host {
    const host = new Host();
    host.log = upkeepLog(at(20));
    host.tick();
    host.reads(second);
    host.tick(graceMs - 1);
    expect(host.effects, "not before a grace has passed").to.deep.equal([]);
    host.tick(1);
    return host;
  }

  it("delete segments below the floor and manifests below the greatest, page by page", () => {
    const host = waiting();
    const { listing } = host.effects[0] as EffectOf<"list">;
    expect(listing).to.deep.equal({ type: "segment", startAt: 0, end: 10 });
    host.lists(
      "segment",
      [3, 4].map((position) => ({ type: "segment", position })),
      true,
    );
    expect([host.deletes(), host.deletes()]).to.deep.equal([
      { type: "segment", position: 3 },
      { type: "segment", position: 4 },
    ]);
    expect((host.effects[0] as EffectOf<"list">).listing).to.include({ startAt: 5 });
    host.lists("segment", []);
    host.lists(
      "manifest",
      [1, 2].map((number) => ({ type: "manifest", number })),
    );
    expect(host.deletes()).to.deep.equal({ type: "manifest", number: 1 });
    host.listsNothing(others);
    expect(host.effects).to.deep.equal([]);
  });

  it("come again a grace after something was found, and then no more", () => {
    const host = waiting();
    host.lists("segment", [{ type: "segment", position: 3 }]);
    host.deletes();
    host.listsNothing(["manifest", ...others]);
    host.tick(graceMs);
    // A ghost has landed.
    host.lists("segment", [{ type: "segment", position: 3 }]);
    expect(host.deletes()).to.deep.equal({ type: "segment", position: 3 });
    host.listsNothing(["manifest", ...others]);
    host.tick(graceMs);
    host.listsNothing(["segment", "manifest", ...others]);
    host.tick(100 * graceMs);
    expect(host.effects).to.deep.equal([]);
  });

  it("delete what no manifest names a grace after it was seen, but nothing that a later one may name", () => {
    const unnamed = { type: "checkpoint", id: { manifest: 1, nonce: "orphan" } } as const;
    const later = { type: "checkpoint", id: { manifest: 3, nonce: "on its way" } } as const;
    const kept = { type: "checkpoint", id: named.ledger.id } as const;
    const host = waiting();
    const sweep = (): void => {
      host.listsNothing(["segment", "manifest", "archive"]);
      host.lists("checkpoint", [kept, unnamed, later]);
    };
    sweep();
    host.lists("snapshot", []);
    expect(host.effects).to.deep.equal([]);
    host.tick(graceMs);
    sweep();
    expect(host.deletes()).to.deep.equal(unnamed);
  });

  it("delete a snapshot that made way for a newer one, though its objects carry a greater number", () => {
    const ref = (nextIndex: number, nonce: string): SnapshotRef => {
      const part = { id: { manifest: 300, nonce }, sizeBytes: 1, checksum: 2 };
      return { nextIndex, parts: [part], timestampMs: 3, checksum: 2 };
    };
    const object = (nonce: string) => ({ type: "snapshot", id: { manifest: 300, nonce } }) as const;
    const host = new Host();
    host.log = upkeepLog(at(20));
    host.tick();
    const two = { ...second, snapshots: [ref(3, "old"), ref(5, "kept")] };
    host.reads(two);
    host.give({ type: "nameSnapshot", naming: 1, snapshot: ref(7, "new") });
    host.reads(two);
    const third = host.creates("created");
    expect(third.snapshots.map(({ nextIndex }) => nextIndex)).to.deep.equal([5, 7]);
    host.reads(third);
    host.next("snapshotNamed");
    const sweep = (): void => {
      host.tick(graceMs);
      host.listsNothing(["segment", "manifest", "archive", "checkpoint"]);
      host.lists("snapshot", ["old", "kept", "new", "on its way"].map(object));
    };
    sweep();
    expect(host.effects, "not before a grace has passed").to.deep.equal([]);
    sweep();
    expect(host.deletes()).to.deep.equal(object("old"));
    expect(host.effects).to.deep.equal([]);
  });

  it("have few deletes under way, and stop where they are not allowed to", () => {
    const host = waiting();
    host.lists(
      "segment",
      [1, 2, 3, 4, 5].map((position) => ({ type: "segment", position })),
    );
    const [first, ...rest] = host.effects.splice(0) as EffectOf<"delete">[];
    expect(rest).to.have.length(upkeepSettings.deletesMax - 1);
    for (const effect of [first, ...rest]) {
      const request = effect?.request ?? 0;
      host.give({ type: "deleteResult", request, outcome: "refused" });
    }
    expect(host.effects, "no more, until a grace later").to.deep.equal([]);
    host.tick(graceMs - 1);
    expect(host.effects).to.deep.equal([]);
    host.tick(1);
    host.next("list");
  });

  it("do not forget what has become ripe while they went on", () => {
    const host = new Host();
    host.log = upkeepLog(at(100));
    host.tick();
    host.reads(founding);
    host.makesLedger();
    host.reads(founding);
    host.creates("exists");
    host.nowMs = 50;
    host.reads(second);
    // A sweep begins a grace after the first manifest was known, when the floor has not been for so long.
    host.tick(graceMs - 50);
    host.nowMs = graceMs + 60;
    host.listsNothing(others);
    expect(host.effects).to.deep.equal([]);
    host.tick(graceMs / 4);
    host.lists("segment", [{ type: "segment", position: 9 }]);
    expect(host.deletes()).to.deep.equal({ type: "segment", position: 9 });
  });
});
