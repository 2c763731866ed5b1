import { expect } from "chai";

import { MemoryObjects, MemoryStore } from "../../src/store/memory-store.js";
import { settle } from "../../src/store/settle.js";
import type { Settled } from "../../src/store/settle.js";
import { StoreError } from "../../src/store/store.js";
import type { CreateResult, GetResult, RequestOptions } from "../../src/store/store.js";
import { expectKind, signal, text } from "./expectations.js";

type Step = "lose_request" | "lose_reply" | "refuse" | "pass";

/** A store in memory whose first creates go wrong as told, and whose first gets fail. */
class FaultyStore extends MemoryStore {
  readonly steps: Step[];
  readonly getErrors: StoreError["kind"][];
  readonly objects: MemoryObjects;
  creates = 0;

  constructor(steps: readonly Step[], getErrors: readonly StoreError["kind"][] = []) {
    const objects = new MemoryObjects();
    super("memory:", objects);
    this.objects = objects;
    this.steps = [...steps];
    this.getErrors = [...getErrors];
  }

  override async create(
    name: string,
    bytes: Uint8Array,
    options: RequestOptions,
  ): Promise<CreateResult> {
    this.creates += 1;
    const step = this.steps.shift() ?? "pass";
    if (step === "refuse") return { type: "refused", cause: "told to" };
    if (step === "lose_request") return { type: "unknown", cause: "told to" };
    const result = await super.create(name, bytes, options);
    return step === "pass" ? result : { type: "unknown", cause: "told to" };
  }

  override async get(name: string, options: RequestOptions): Promise<GetResult> {
    const kind = this.getErrors.shift();
    if (kind !== undefined) throw new StoreError(kind, "told to");
    return super.get(name, options);
  }
}

const bytes = Buffer.from("mine");

describe("settle", () => {
  let waits: number[];
  let controller: AbortController;

  beforeEach(() => {
    waits = [];
    controller = new AbortController();
  });

  const run = (store: FaultyStore, waitsMax = Infinity): Promise<Settled> =>
    settle(store, "a", bytes, {
      signal: controller.signal,
      random: () => 0,
      wait: (ms) => {
        if (waits.push(ms) >= waitsMax) controller.abort(new Error("enough"));
        return Promise.resolve();
      },
    });

  it("creates a name that is free at once", async () => {
    const store = new FaultyStore([]);
    expect(await run(store)).to.deep.equal({ type: "mine", version: "1" });
    expect(store.creates).to.equal(1);
    expect(waits).to.deep.equal([]);
  });

  it("repeats a create that was lost, and waits twice as long each time", async () => {
    const store = new FaultyStore(Array<Step>(8).fill("lose_request"));
    expect(await run(store)).to.deep.equal({ type: "mine", version: "1" });
    expect(waits).to.deep.equal([1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000]);
  });

  it("finds that an earlier try was stored", async () => {
    expect(await run(new FaultyStore(["lose_reply"]))).to.deep.equal({
      type: "mine",
      version: "1",
    });
  });

  it("finds what another stored", async () => {
    const store = new FaultyStore(["lose_request"]);
    store.objects.create("a", Buffer.from("theirs"));
    const settled = await run(store);
    expect(settled).to.deep.equal({ type: "theirs", bytes: Buffer.from("theirs"), version: "1" });
  });

  it("tells bytes apart that differ in length only", async () => {
    for (const other of ["", "min", "mine "]) {
      const store = new FaultyStore([]);
      store.objects.create("a", Buffer.from(other));
      expect((await run(store)).type).to.equal("theirs");
    }
  });

  it("reads back again when reading fails for now, and gives up when it fails for good", async () => {
    const store = new FaultyStore(["lose_reply"], ["unavailable", "unavailable"]);
    expect((await run(store)).type).to.equal("mine");
    expect(waits).to.have.length(3);
    for (const kind of ["corrupt", "forbidden", "invalid"] as const) {
      await expectKind(kind, () => run(new FaultyStore(["lose_reply"], [kind])));
    }
  });

  it("does not repeat a create whose holder was deleted", async () => {
    const store = new FaultyStore(["lose_reply"]);
    store.get = () => Promise.resolve({ type: "absent" });
    expect(await run(store)).to.deep.equal({ type: "deleted" });
    expect(store.creates).to.equal(2);
  });

  it("passes on a refusal only while no try may land", async () => {
    const refused = await run(new FaultyStore(["refuse"]));
    expect(refused).to.deep.equal({ type: "refused", cause: "told to" });
    const store = new FaultyStore(["lose_request", "refuse", "refuse"]);
    expect((await run(store)).type).to.equal("mine");
    expect(store.creates).to.equal(4);
  });

  it("says unknown when told to stop while a try may land", async () => {
    const store = new FaultyStore(Array<Step>(10).fill("lose_reply"));
    store.get = () => Promise.reject(new StoreError("unavailable", "told to"));
    expect(await run(store, 4)).to.deep.equal({ type: "unknown", cause: "told to" });
    expect(await text(new MemoryStore("memory:", store.objects), "a")).to.equal("mine");
  });

  it("sends nothing when told to stop before it began", async () => {
    controller.abort(new Error("enough"));
    const store = new FaultyStore([]);
    expect(await run(store)).to.deep.equal({ type: "refused", cause: "enough" });
    expect(store.objects.get("a", undefined)).to.deep.equal({ type: "absent" });
    expect(signal.aborted).to.equal(false);
  });
});
