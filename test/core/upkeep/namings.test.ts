import { expect } from "chai";
import type { ManifestView, SnapshotRef } from "../../../src/core/manifest.js";
import { checkpointRef, manifest, upkeepLog, upkeepSettings } from "../samples.js";
import { at, graceMs, Host } from "./upkeep-story.js";

const founding = manifest({ graceMs });

/** A snapshot whose objects any manifest up to `number` may name first. */
function snapshot(nextIndex: number, number = 9, nonce = `nonce of ${nextIndex}`): SnapshotRef {
  const part = (place: number) => ({
    id: { manifest: number, nonce: `${nonce}, part ${place}` },
    sizeBytes: 10,
    checksum: place,
  });
  return { parts: [part(0), part(1)], nextIndex, timestampMs: 5, checksum: nextIndex };
}

function after(before: ManifestView, changes: Partial<ManifestView> = {}): ManifestView {
  return { ...before, number: before.number + 1, nonce: `m${before.number + 1}`, ...changes };
}

/** A node that does not lead. */
function follower(): Host {
  const host = new Host();
  host.log = { ...upkeepLog(at(20)), view: { role: "follower" } };
  return host;
}

function names(host: Host, naming: number, ref: SnapshotRef): void {
  host.give({ type: "nameSnapshot", naming, snapshot: ref });
}

describe("upkeep's snapshots (PROTOCOL 10)", () => {
  it("are named by a node that does not lead, at once, and said to be once a read shows it", () => {
    const host = follower();
    names(host, 1, snapshot(7));
    host.reads(founding);
    const written = host.creates("created");
    expect(written).to.deep.include({ number: 1, snapshots: [snapshot(7)] });
    expect({ ...written, number: 0, snapshots: [], nonce: founding.nonce }).to.deep.equal(founding);
    host.reads(written);
    expect(host.next("snapshotNamed")).to.deep.include({ naming: 1, outcome: { type: "named" } });
    host.tick(10_000);
    expect(host.effects).to.deep.equal([]);
  });

  it("carry everything else along, also a floor beyond what this node holds", () => {
    const host = follower();
    const known = manifest({
      graceMs,
      number: 4,
      floor: at(50),
      marks: [at(60), at(70)],
      checkpoint: checkpointRef(at(80)),
    });
    names(host, 1, snapshot(7));
    host.reads(known);
    const written = host.creates("created");
    const { floor, marks, checkpoint } = known;
    expect(written).to.deep.include({ number: 5, floor, marks, checkpoint });
  });

  it("are tried again on what others have written meanwhile", () => {
    const host = follower();
    names(host, 1, snapshot(7));
    host.reads(founding);
    host.creates("exists");
    const others = after(founding, { firstIndex: 3 });
    host.reads(others);
    const written = host.creates("created");
    expect(written).to.deep.include({ number: 2, firstIndex: 3, snapshots: [snapshot(7)] });
  });

  it("are sent again, the same, until they exist, whoever leads", () => {
    const host = follower();
    names(host, 1, snapshot(7));
    host.reads(founding);
    const first = host.creates("unknown");
    host.tick(upkeepSettings.repeatMs);
    expect(host.creates("exists")).to.equal(first);
    host.reads(first);
    host.next("snapshotNamed");
  });

  it("are as many as are to be kept: the newest", () => {
    const host = follower();
    const known = manifest({ graceMs, snapshots: [snapshot(3), snapshot(5)] });
    names(host, 1, snapshot(7));
    host.reads(known);
    expect(host.creates("created").snapshots).to.deep.equal([snapshot(5), snapshot(7)]);
  });

  it("cover more than the newest one, or are refused, none having been sent", () => {
    const newest = snapshot(7, 9, "theirs");
    for (const nextIndex of [6, 7]) {
      const host = follower();
      names(host, 1, snapshot(nextIndex));
      host.reads(manifest({ graceMs, snapshots: [newest] }));
      const reason = { type: "covered", newest };
      const outcome = { type: "unnamed", reason, unsent: true };
      expect(host.next("snapshotNamed")).to.deep.include({ outcome });
      expect(host.effects).to.deep.equal([]);
    }
  });

  it("say that a manifest that names them was sent, though another one counts", () => {
    const host = follower();
    names(host, 1, snapshot(7));
    host.reads(founding);
    host.creates("unknown");
    host.tick(upkeepSettings.repeatMs);
    host.creates("exists");
    const newest = snapshot(8, 9, "theirs");
    host.reads(after(founding, { snapshots: [newest] }));
    const outcome = { type: "unnamed", reason: { type: "covered", newest }, unsent: false };
    expect(host.next("snapshotNamed")).to.deep.include({ outcome });
  });

  it("are named by no manifest of a greater number than theirs", () => {
    const host = follower();
    names(host, 1, snapshot(7, 4));
    host.reads(manifest({ graceMs, number: 3 }));
    expect(host.creates("exists").number, "their own may").to.equal(4);
    host.reads(manifest({ graceMs, number: 4, nonce: "theirs" }));
    const outcome = { type: "unnamed", reason: { type: "late" }, unsent: false };
    expect(host.next("snapshotNamed")).to.deep.include({ outcome });
    expect(host.effects).to.deep.equal([]);
  });

  it("come one by one, in their order, between a leader's own manifests", () => {
    const host = new Host();
    host.log = upkeepLog(at(100));
    host.tick();
    names(host, 1, snapshot(7));
    names(host, 2, snapshot(8));
    host.reads(founding);
    const first = host.creates("created");
    expect(first.snapshots).to.deep.equal([snapshot(7)]);
    host.reads(first);
    host.next("snapshotNamed");
    const second = host.creates("created");
    expect(second.snapshots).to.deep.equal([snapshot(7), snapshot(8)]);
    host.reads(second);
    host.next("snapshotNamed");
    host.makesLedger();
    host.reads(second);
    const third = host.creates("created");
    expect(third.snapshots, "carried along").to.deep.equal(second.snapshots);
    expect(third.checkpoint?.walk).to.deep.equal(at(100));
  });

  it("do not stop what was made from being named before", () => {
    const host = new Host();
    host.log = upkeepLog(at(100));
    host.tick();
    host.reads(founding);
    names(host, 1, snapshot(7));
    host.makesLedger();
    host.reads(founding);
    const written = host.creates("created");
    expect(written).to.deep.include({ number: 1, snapshots: [] });
    expect(written.checkpoint?.ledger.id.manifest).to.equal(1);
    host.reads(written);
    expect(host.creates("created")).to.deep.include({ number: 2, snapshots: [snapshot(7)] });
  });

  it("are not answered once nobody waits, and are asked for no more", () => {
    const host = follower();
    names(host, 1, snapshot(7));
    host.give({ type: "forgetSnapshot", naming: 1 });
    host.reads(founding);
    host.tick(10_000);
    expect(host.effects).to.deep.equal([]);
  });

  it("are refused where the manifest is damaged", () => {
    const host = follower();
    names(host, 1, snapshot(7));
    const { request } = host.next("readManifest");
    const outcome = { type: "corrupt", reason: "manifest/1: gone" } as const;
    host.give({ type: "manifestResult", request, outcome });
    host.next("damaged");
    const reason = { type: "damaged", reason: "manifest/1: gone" };
    const answer = { type: "unnamed", reason, unsent: true };
    expect(host.next("snapshotNamed")).to.deep.include({ outcome: answer });
  });

  it("lose their objects a grace after none names them, and their number was reached", () => {
    const kept = snapshot(9, 9);
    const second = manifest({ graceMs, number: 5, snapshots: [kept] });
    const host = new Host();
    host.log = upkeepLog(at(3));
    host.tick();
    host.reads(second);
    const orphans = [snapshot(1, 5, "old"), snapshot(2, 6, "may yet be named")];
    const objects = [...orphans, kept].flatMap(({ parts }) =>
      parts.map(({ id }) => ({ type: "snapshot", id }) as const),
    );
    const sweep = (): void => {
      host.tick(graceMs);
      host.listsNothing(["manifest", "archive", "checkpoint"]);
      host.lists("snapshot", objects);
    };
    sweep();
    expect(host.effects).to.deep.equal([]);
    sweep();
    expect([host.deletes(), host.deletes()]).to.deep.equal(objects.slice(0, 2));
    expect(host.effects.filter(({ type }) => type === "delete")).to.deep.equal([]);
  });
});
