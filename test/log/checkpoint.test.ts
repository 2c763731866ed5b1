import { expect } from "chai";

import { createLedger, readLedger } from "../../src/log/checkpoint.js";
import { encodeLedger } from "../../src/log/ledger-codec.js";
import { objectName } from "../../src/log/names.js";
import { MemoryObjects, MemoryStore } from "../../src/store/memory-store.js";
import { StoreError } from "../../src/store/store.js";
import { emptyLedger } from "./ledgers.js";
import type { ObjectRef } from "../../src/core/manifest.js";
import type { CreateResult } from "../../src/store/store.js";

const { signal } = new AbortController();
const id = { manifest: 7, nonce: "0123456789abcdef".repeat(2) };
const name = objectName({ type: "checkpoint", id });
const ledger = { ...emptyLedger, firstIndex: 12 };
const backoff = { backoffMsMin: 1, backoffMsMax: 2 };

/** A store in which creates may end otherwise than they did. */
class Lossy extends MemoryStore {
  readonly objects: MemoryObjects;
  lost: CreateResult[] = [];

  constructor(objects = new MemoryObjects()) {
    super("memory:", objects);
    this.objects = objects;
  }

  override async create(created: string, bytes: Uint8Array): Promise<CreateResult> {
    const result = this.objects.create(created, bytes);
    return this.lost.shift() ?? result;
  }
}

async function stored(): Promise<{ readonly store: Lossy; readonly ref: ObjectRef }> {
  const store = new Lossy();
  const ref = await createLedger(store, "c", { id, ledger }, { signal, ...backoff });
  if (ref === undefined) throw new Error("nothing is in the way");
  return { store, ref };
}

describe("a checkpoint's ledger", () => {
  it("is stored under its name, and read back as it was", async () => {
    const { store, ref } = await stored();
    expect(store.objects.get(name, undefined).type).to.equal("found");
    expect(ref.id).to.deep.equal(id);
    const read = await readLedger(store, "c", ref, { signal });
    expect(read).to.deep.equal({ type: "found", ledger });
  });

  it("stands although the reply was lost, and is not named where something else does", async () => {
    const store = new Lossy();
    store.lost = [{ type: "unknown", cause: "the reply was lost" }];
    const options = { signal, ...backoff };
    expect(await createLedger(store, "c", { id, ledger }, options)).to.include({ sizeBytes: 20 });
    const other = { ...ledger, firstIndex: 13 };
    expect(await createLedger(store, "c", { id, ledger: other }, options)).to.equal(undefined);
  });

  it("is not believed if it is not the very object that was named", async () => {
    const { store, ref } = await stored();
    const reason = async (changed: ObjectRef, cluster = "c"): Promise<string> => {
      const read = await readLedger(store, cluster, changed, { signal });
      return read.type === "corrupt" ? read.reason : read.type;
    };
    expect(await reason({ ...ref, sizeBytes: 5 })).to.equal(`${name}: it has 20 bytes, not 5`);
    const named = `${name}: it is not the object that was named`;
    expect(await reason({ ...ref, checksum: ref.checksum ^ 1 })).to.equal(named);
    expect(await reason(ref, "d")).to.equal(`${name}: it is of the cluster c`);
    const other = encodeLedger("c", { ...ledger, firstIndex: 13 }).bytes;
    store.objects.delete(name);
    store.objects.create(name, other);
    expect(await reason(ref)).to.equal(named);
    store.objects.delete(name);
    expect(await reason(ref)).to.equal("absent");
  });

  it("is out of reach, or damaged, as the store says", async () => {
    const { store, ref } = await stored();
    for (const [kind, type] of [
      ["unavailable", "unavailable"],
      ["forbidden", "unavailable"],
      ["corrupt", "corrupt"],
    ] as const) {
      store.get = () => Promise.reject(new StoreError(kind, "the store's words"));
      expect(await readLedger(store, "c", ref, { signal })).to.include({ type });
    }
  });
});
