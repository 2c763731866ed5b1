import { expect } from "chai";
import fc from "fast-check";

import type { ManifestView } from "../../src/core/manifest.js";
import { SuraftError } from "../../src/errors.js";
import { encodeManifest } from "../../src/log/manifest-codec.js";
import { foundingManifest, openCluster, readManifest } from "../../src/log/manifest.js";
import { manifestName, segmentName } from "../../src/log/names.js";
import { MemoryObjects, MemoryStore } from "../../src/store/memory-store.js";
import { StoreError } from "../../src/store/store.js";
import type {
  CreateResult,
  GetResult,
  ListOptions,
  ListResult,
  RequestOptions,
} from "../../src/store/store.js";
import { members } from "./manifests.js";
import { failure } from "./written-log.js";

const { signal } = new AbortController();
const backoff = { backoffMsMin: 1, backoffMsMax: 2 };

const manifest: ManifestView = { ...foundingManifest(members), number: 3, clusterId: "c" };

/** A memory store that counts, and in which anything can be made to happen at a call. */
class StagedStore extends MemoryStore {
  readonly objects: MemoryObjects;
  calls: string[] = [];
  onCreate: (name: string, bytes: Uint8Array) => CreateResult | undefined = () => undefined;
  onGet: (name: string) => void = () => undefined;
  onList: (options: ListOptions) => void = () => undefined;

  constructor(objects: MemoryObjects = new MemoryObjects()) {
    super("memory:staged", objects);
    this.objects = objects;
  }

  override async create(name: string, bytes: Uint8Array, options: RequestOptions) {
    this.calls.push(`create ${name}`);
    return this.onCreate(name, bytes) ?? (await super.create(name, bytes, options));
  }

  override async get(name: string, options: RequestOptions): Promise<GetResult> {
    this.calls.push(`get ${name}`);
    this.onGet(name);
    return await super.get(name, options);
  }

  override async list(options: ListOptions): Promise<ListResult> {
    this.calls.push(`list ${options.prefix}`);
    this.onList(options);
    return await super.list(options);
  }
}

function withManifest(number: number, change: Partial<ManifestView> = {}): StagedStore {
  const store = new StagedStore();
  const bytes = encodeManifest({ ...manifest, number, ...change });
  store.objects.create(manifestName(number), bytes);
  return store;
}

describe("a manifest read", () => {
  it("says when there is none", async () => {
    expect(await readManifest(new StagedStore(), signal)).to.deep.equal({ type: "absent" });
  });

  it("takes the greatest number, across pages and beside strange names", async () => {
    const store = withManifest(2300);
    for (let number = 0; number < 2300; number++) {
      store.objects.create(manifestName(number), Buffer.from("not looked at"));
    }
    store.objects.create("manifest/zzz", Buffer.from("a stranger's"));
    const read = await readManifest(store, signal);
    expect(read).to.have.nested.property("manifest.number", 2300);
    expect(store.calls).to.deep.equal([
      ...Array<string>(3).fill("list manifest/"),
      `get ${manifestName(2300)}`,
    ]);
  });

  it("lists again when the last one was deleted meanwhile", async () => {
    const store = withManifest(3);
    store.onGet = () => {
      store.onGet = () => undefined;
      store.objects.delete(manifestName(3));
      store.objects.create(manifestName(4), encodeManifest({ ...manifest, number: 4 }));
    };
    expect(await readManifest(store, signal)).to.have.nested.property("manifest.number", 4);
    expect(store.calls.filter((call) => call.startsWith("list"))).to.have.lengthOf(2);
  });

  it("lists again when another object stands under the listed name", async () => {
    const store = withManifest(3);
    store.onGet = () => {
      store.onGet = () => undefined;
      store.objects.delete(manifestName(3));
      const other = encodeManifest({ ...manifest, clusterId: "another" });
      store.objects.create(manifestName(3), other);
    };
    expect(await readManifest(store, signal)).to.have.nested.property(
      "manifest.clusterId",
      "another",
    );
    expect(store.calls.filter((call) => call.startsWith("list"))).to.have.lengthOf(2);
  });

  it("gives up when the manifests never hold still", async () => {
    const store = withManifest(0);
    let number = 0;
    store.onGet = (name) => {
      store.objects.delete(name);
      number += 1;
      store.objects.create(manifestName(number), encodeManifest({ ...manifest, number }));
    };
    expect(await failure(readManifest(store, signal))).to.include({ kind: "unavailable" });
    expect(number).to.be.at.most(20);
  });

  it("refuses a manifest of a newer suraft in so many words", async () => {
    const error = await failure(readManifest(withManifest(0, { formatVersion: 2 }), signal));
    expect(error).to.include({ kind: "invalid" });
    expect(error).to.have.property("message").that.contains("written by a newer suraft");
  });

  it("names the object that is damaged", async () => {
    const store = new StagedStore();
    store.objects.create(manifestName(5), Buffer.from("garbage"));
    const error = await failure(readManifest(store, signal));
    expect(error).to.include({ kind: "corrupt" });
    expect(error).to.have.deep.property("details", { object: manifestName(5) });
  });

  it("fails as the store fails, or with the signal's reason", async () => {
    for (const kind of ["unavailable", "invalid", "forbidden"] as const) {
      const store = new StagedStore();
      store.onList = () => {
        throw new StoreError(kind, "the store's own words");
      };
      const error = await failure(readManifest(store, signal));
      expect(error).to.be.instanceOf(SuraftError).and.to.include({ kind });
      expect(error).to.have.property("message", "the store's own words");
    }
    const reason = new Error("enough");
    expect(await failure(readManifest(withManifest(0), AbortSignal.abort(reason)))).to.equal(
      reason,
    );
  });
});

describe("opening a cluster", () => {
  it("founds it in an empty store", async () => {
    const store = new StagedStore();
    const founded = await openCluster(store, { members, signal });
    expect(founded).to.deep.include({ number: 0, members, graceMs: 3_600_000, formatVersion: 1 });
    expect(founded.clusterId).to.match(/^[0-9a-f-]{36}$/);
    expect(store.calls).to.deep.equal([
      "list manifest/",
      "list log/",
      `create ${manifestName(0)}`,
      "list manifest/",
      `get ${manifestName(0)}`,
    ]);
  });

  it("takes the one that stands there, whoever its members are", async () => {
    const store = withManifest(3);
    const opened = await openCluster(store, { members: [], signal });
    expect(opened).to.deep.equal(manifest);
    expect(store.calls.some((call) => call.startsWith("create"))).to.equal(false);
  });

  it("gives one cluster to all who found it at once, however creates and replies are lost", async () => {
    const outcomes = fc.constantFrom("created", "lostReply", "lostRequest" as const);
    await fc.assert(
      fc.asyncProperty(fc.array(outcomes, { minLength: 2, maxLength: 8 }), async (nodes) => {
        const objects = new MemoryObjects();
        const opened = nodes.map(async (outcome, node) => {
          const store = new StagedStore(objects);
          store.onCreate = (name, bytes) => {
            store.onCreate = () => undefined;
            if (outcome === "created") return undefined;
            if (outcome === "lostReply") objects.create(name, bytes);
            return { type: "unknown", cause: "the reply was lost" };
          };
          const own = [{ nodeId: `n${node}`, address: "x:1" }];
          return await openCluster(store, { members: own, signal, backoff });
        });
        const all = await Promise.all(opened);
        expect(new Set(all.map(({ clusterId }) => clusterId)).size).to.equal(1);
        for (const one of all) expect(one).to.deep.equal(all[0]);
      }),
      { numRuns: 100 },
    );
  });

  it("is corrupt where segments stand and no manifest does", async () => {
    const store = new StagedStore();
    store.objects.create(segmentName(12), Buffer.from("x"));
    const error = await failure(openCluster(store, { members, signal }));
    expect(error).to.include({ kind: "corrupt" });
    expect(error).to.have.deep.property("details", { object: manifestName(0) });
    expect(error)
      .to.have.property("message")
      .that.contains(`though ${segmentName(12)} is there`);
    expect(store.objects.get(manifestName(0), undefined).type).to.equal("absent");
  });

  it("is not corrupt where the cluster was founded between the looks", async () => {
    const store = new StagedStore();
    store.onList = ({ prefix }) => {
      if (prefix !== "log/") return;
      store.objects.create(manifestName(0), encodeManifest({ ...manifest, number: 0 }));
      store.objects.create(segmentName(0), Buffer.from("x"));
    };
    expect(await openCluster(store, { members, signal })).to.include({ clusterId: "c" });
    expect(store.calls.some((call) => call.startsWith("create"))).to.equal(false);
  });

  it("is corrupt where the manifest is gone after the founding", async () => {
    const store = new StagedStore();
    store.onCreate = () => ({ type: "created", version: "1" });
    expect(await failure(openCluster(store, { members, signal }))).to.include({ kind: "corrupt" });
  });

  it("asks for members before it founds one", async () => {
    const store = new StagedStore();
    const error = await failure(openCluster(store, { members: [], signal }));
    expect(error).to.include({ kind: "invalid" });
    expect(store.calls.some((call) => call.startsWith("create"))).to.equal(false);
  });

  it("says why it could not be founded", async () => {
    const store = new StagedStore();
    store.onCreate = () => ({ type: "refused", cause: "read-only" });
    const error = await failure(openCluster(store, { members, signal }));
    expect(error).to.include({ kind: "unavailable" });
    expect(error).to.have.property("message").that.contains("read-only");
  });

  it("ends with the signal's reason while the outcome is unknown", async () => {
    const store = new StagedStore();
    const controller = new AbortController();
    const reason = new Error("enough");
    let tries = 0;
    store.onCreate = () => {
      if (++tries === 3) controller.abort(reason);
      return { type: "unknown", cause: "no reply" };
    };
    const opening = openCluster(store, { members, signal: controller.signal, backoff });
    expect(await failure(opening)).to.equal(reason);
    expect(tries).to.equal(3);
  });
});
