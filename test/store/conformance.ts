/**
 * What every backend must show (STORE.md). A new backend proves itself by
 * `describeStore("name", start)`.
 */

import { fork } from "node:child_process";
import { once } from "node:events";
import { expect } from "chai";

import { checkStore } from "../../src/store/check-store.js";
import { settle } from "../../src/store/settle.js";
import type { CreateResult, Store } from "../../src/store/store.js";
import type { Context, StoreFixture } from "./conformance-context.js";
import { describeDeletion, describeListing } from "./conformance-listing.js";
import { describeRefusals } from "./conformance-refusals.js";
import { signal, text } from "./expectations.js";
import type { RaceAnswer, RaceQuestion } from "./racer.js";

const racersPerName = 50;
const processes = 5;

/**
 * Declares the conformance tests of a backend. Without a URL that another process can open, races
 * between processes are not run.
 */
export function describeStore(
  backend: string,
  start: () => Promise<StoreFixture>,
  options: { readonly acrossProcesses: boolean } = { acrossProcesses: true },
): void {
  describe(`${backend}: a store`, () => {
    let fixture: StoreFixture;
    let store: Store;
    let other: Store;
    let scopes = 0;

    before(async () => {
      fixture = await start();
      store = fixture.open();
      other = fixture.open();
    });

    after(async () => {
      await store?.close();
      await other?.close();
      await fixture?.close();
    });

    /** A prefix of names that no other test uses. */
    const scope = () => `case${++scopes}`;
    const context: Context = {
      scope,
      store: () => store,
      other: () => other,
      fixture: () => fixture,
    };

    describeCreate(context);
    describeRaces(context);
    if (options.acrossProcesses) describeRacesAcrossProcesses(context);
    describeBytes(context);
    describeListing(context);
    describeDeletion(context);
    describeRefusals(context);
    describeTools(context);
  });
}

function describeCreate({ scope, store, other }: Context): void {
  it("creates a name once, and leaves the old bytes when it exists", async () => {
    const name = `${scope()}/a`;
    const first = await store().create(name, Buffer.from("first"), { signal });
    expect(first.type).to.equal("created");
    for (const each of [store(), other()]) {
      const second = await each.create(name, Buffer.from("second"), { signal });
      expect(second).to.deep.equal({ type: "exists" });
    }
    expect(await text(other(), name)).to.equal("first");
  });

  it("shows a created object to every get and list that begins after", async () => {
    const prefix = scope();
    for (let round = 0; round < 20; round++) {
      const name = `${prefix}/${round}`;
      const created = await store().create(name, Buffer.from(name), { signal });
      const [found, page] = await Promise.all([
        other().get(name, { signal }),
        other().list({ prefix: name, limit: 1000, signal }),
      ]);
      const version = created.type === "created" ? created.version : "none";
      const size = name.length;
      expect(found).to.deep.equal({ type: "found", bytes: Buffer.from(name), version, size });
      expect(page.items).to.deep.equal([{ name, version, size }]);
      expect(page.more).to.equal(false);
    }
  });

  it("creates many names at once", async () => {
    const prefix = scope();
    const names = Array.from({ length: 200 }, (_, n) => `${prefix}/${String(n).padStart(20, "0")}`);
    const results = await Promise.all(
      names.map((name) => store().create(name, Buffer.from(name), { signal })),
    );
    expect(results.filter(({ type }) => type === "created")).to.have.length(names.length);
    const page = await other().list({ prefix: `${prefix}/`, limit: 1000, signal });
    expect(page.items.map(({ name }) => name)).to.deep.equal(names);
  });

  it("takes any name that the port allows", async () => {
    const prefix = scope();
    const parts = ["-", "_", "...", ".hidden", "a..b", "__proto__", "constructor", "CON", "0"];
    const long = `${prefix}/${"x".repeat(255)}/`;
    const names = [
      ...parts.map((part) => `${prefix}/${part}/${part}`),
      long + "y".repeat(512 - long.length),
    ];
    for (const name of names) {
      const created = await store().create(name, Buffer.from(name), { signal });
      expect(created.type, name).to.equal("created");
      expect(await text(other(), name)).to.equal(name);
    }
    const page = await other().list({ prefix, limit: 1000, signal });
    expect(page.items.map(({ name }) => name)).to.deep.equal(names.sort());
  });

  it("shows an object wholly or not at all while it is being created", async () => {
    const name = `${scope()}/large`;
    const bytes = Buffer.alloc(8 * 1024 * 1024, "0123456789abcdef");
    let created: CreateResult | undefined;
    const creating = store()
      .create(name, bytes, { signal })
      .then((result) => {
        created = result;
      });
    let looks = 0;
    while (created === undefined) {
      looks += 1;
      const found = await other().get(name, { signal });
      if (found.type === "absent") continue;
      expect(Buffer.compare(found.bytes, bytes)).to.equal(0);
      break;
    }
    await creating;
    expect(created?.type).to.equal("created");
    expect(looks).to.be.greaterThan(0);
    const found = await other().get(name, { signal });
    expect(found.type === "found" && Buffer.compare(found.bytes, bytes)).to.equal(0);
  });
}

function describeRaces({ scope, store, other, fixture }: Context): void {
  it(`lets one of ${racersPerName} racers of several instances create a name`, async () => {
    const prefix = scope();
    const instances = [store(), other(), fixture().open(), fixture().open(), fixture().open()];
    for (let round = 0; round < 4; round++) {
      const name = `${prefix}/${round}`;
      const racers = Array.from({ length: racersPerName }, (_, racer) => `${name}#${racer}`);
      const results = await Promise.all(
        racers.map((racer, n) =>
          (instances[n % instances.length] ?? store()).create(name, Buffer.from(racer), { signal }),
        ),
      );
      const winners = racers.filter((_, n) => results[n]?.type === "created");
      expect(winners).to.have.length(1);
      expect(results.filter(({ type }) => type === "exists")).to.have.length(racersPerName - 1);
      expect(await text(store(), name)).to.equal(winners[0]);
    }
    await Promise.all(instances.slice(2).map((each) => each.close()));
  });
}

function describeRacesAcrossProcesses({ scope, store, fixture }: Context): void {
  it(`lets one of ${racersPerName} racers of several processes create a name`, async () => {
    const { url } = fixture();
    if (url === undefined) throw new Error("the fixture has no URL for other processes");
    const prefix = scope();
    const workers = Array.from({ length: processes }, (_, n) =>
      fork(new URL("./racer.js", import.meta.url), [url, `p${n}`], { execArgv: [] }),
    );
    try {
      await Promise.all(workers.map((worker) => once(worker, "message")));
      for (let round = 0; round < 4; round++) {
        const name = `${prefix}/${round}`;
        const question: RaceQuestion = { name, racers: racersPerName / processes };
        const answers = await Promise.all(
          workers.map(async (worker) => {
            const answered = once(worker, "message");
            worker.send(question);
            return (await answered)[0] as RaceAnswer;
          }),
        );
        const results = answers.flatMap(({ results }) => results);
        const winners = results.filter(({ type }) => type === "created");
        expect(results).to.have.length(racersPerName);
        expect(winners, JSON.stringify(results)).to.have.length(1);
        expect(results.filter(({ type }) => type === "exists")).to.have.length(racersPerName - 1);
        expect(await text(store(), name)).to.equal(winners[0]?.bytes);
      }
    } finally {
      const exits = workers.map((worker) => once(worker, "exit"));
      for (const worker of workers) worker.disconnect();
      await Promise.all(exits);
    }
  }).timeout(60_000);
}

function describeBytes({ scope, store, other }: Context): void {
  const all = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
  const samples: Readonly<Record<string, Uint8Array>> = {
    "no bytes": new Uint8Array(),
    "one zero byte": new Uint8Array(1),
    "all 256 values": all,
    "a view into a larger buffer": new Uint8Array(all.buffer, all.byteOffset + 13, 100),
    "line ends at both ends": Buffer.from("\r\n\r\nbytes\r\n\r\n"),
    "what looks like a multipart boundary": Buffer.from(
      '\r\n--boundary\r\ncontent-type: application/json\r\n\r\n{"name":"x"}\r\n--boundary--\r\n',
    ),
    "gzip's magic": Buffer.from([0x1f, 0x8b, 0x08, 0, 0, 0, 0, 0, 0, 3, 1, 2, 3]),
    "a megabyte": Buffer.alloc(1024 * 1024, all),
  };
  for (const [title, bytes] of Object.entries(samples)) {
    it(`gives back the bytes: ${title}`, async () => {
      const name = `${scope()}/bytes`;
      const expected = Buffer.from(bytes);
      const created = await store().create(name, bytes, { signal });
      expect(created.type).to.equal("created");
      const found = await other().get(name, { signal });
      expect(found.type === "found" && Buffer.compare(found.bytes, expected)).to.equal(0);
      expect(found).to.include({ size: expected.length });
    });
  }

  it("reads ranges, cut off at the end of the object", async () => {
    const name = `${scope()}/ranges`;
    const created = await store().create(name, all, { signal });
    const empty = `${name}-empty`;
    await store().create(empty, new Uint8Array(), { signal });
    const version = created.type === "created" ? created.version : "none";
    const ranges = [
      [0, 1],
      [0, 256],
      [0, 1000],
      [10, 20],
      [255, 256],
      [200, 300],
      [256, 257],
      [1000, 2000],
      [0, 0],
      [17, 17],
    ] as const;
    for (const [start, end] of ranges) {
      const found = await other().get(name, { range: { start, end }, signal });
      const bytes = all.subarray(start, end);
      expect(found, `[${start}, ${end})`).to.deep.equal({
        type: "found",
        bytes,
        version,
        size: 256,
      });
    }
    const nothing = await other().get(empty, { range: { start: 0, end: 10 }, signal });
    expect(nothing.type === "found" && nothing.bytes.length).to.equal(0);
    const range = { start: 0, end: 1 };
    expect(await other().get(`${name}-no`, { range, signal })).to.deep.equal({ type: "absent" });
  });
}

function describeTools({ scope, store, other }: Context): void {
  it("passes the start-up check, the first time and again", async () => {
    await checkStore(store(), { signal });
    await checkStore(other(), { signal });
  });

  it("settles a name to one of its rivals", async () => {
    const name = `${scope()}/a`;
    const settled = await Promise.all(
      [store(), other()].map((each, n) =>
        settle(each, name, Buffer.from(`rival ${n}`), { signal }),
      ),
    );
    expect(settled.map(({ type }) => type).sort()).to.deep.equal(["mine", "theirs"]);
    const loser = settled.find((each) => each.type === "theirs");
    const winner = settled.findIndex((each) => each.type === "mine");
    expect(Buffer.from(loser?.bytes ?? []).toString()).to.equal(`rival ${winner}`);
    const again = await settle(store(), name, Buffer.from(`rival ${winner}`), { signal });
    expect(again).to.deep.equal(settled[winner]);
  });
}
