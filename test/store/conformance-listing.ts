/** Conformance: listing and deleting. */

import { expect } from "chai";
import fc from "fast-check";

import type { Context } from "./conformance-context.js";
import { listAll, signal, text } from "./expectations.js";

const bytes = Buffer.from("abc");

export function describeListing({ scope, store, other }: Context): void {
  it("lists in byte order, within bounds, page by page, whatever the names", async () => {
    const part = fc.stringMatching(/^[-.09AZ_az]{1,3}$/).filter((text) => !/^\.{1,2}$/.test(text));
    // Of two depths that cannot meet: in a directory no name is the directory of another.
    const name = fc.oneof(
      part.map((last) => `f${last}`),
      fc.tuple(part, part).map(([first, last]) => `d${first}/${last}`),
    );
    const bound = fc.oneof(name, fc.constantFrom("", "d", "f", "d-", "d./", "f-"));
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(name, { maxLength: 12 }),
        fc.record({ prefix: bound, startAt: fc.option(bound), endBefore: fc.option(bound) }),
        fc.integer({ min: 1, max: 5 }),
        async (names, { prefix, startAt, endBefore }, limit) => {
          const base = `${scope()}/`;
          await Promise.all(names.map((each) => store().create(base + each, bytes, { signal })));
          const options = {
            prefix: base + prefix,
            ...(startAt === null ? {} : { startAt: base + startAt }),
            ...(endBefore === null ? {} : { endBefore: base + endBefore }),
            limit,
            signal,
          };
          const expected = names
            .filter((each) => each.startsWith(prefix))
            .filter((each) => startAt === null || each >= startAt)
            .filter((each) => endBefore === null || each < endBefore)
            .sort()
            .map((each) => base + each);
          expect(await listAll(other(), options)).to.deep.equal(expected);
        },
      ),
      { numRuns: 40 },
    );
  });

  it("begins at a name that stands, and ends before one", async () => {
    const prefix = `${scope()}/`;
    const names = ["a", "b", "c"].map((name) => prefix + name);
    for (const name of names) await store().create(name, bytes, { signal });
    const [a, b, c] = names;
    const list = (bounds: { startAt?: string; endBefore?: string }) =>
      listAll(other(), { prefix, limit: 2, signal, ...bounds });
    expect(await list({ startAt: `${prefix}b` })).to.deep.equal([b, c]);
    expect(await list({ endBefore: `${prefix}b` })).to.deep.equal([a]);
    expect(await list({ startAt: `${prefix}b`, endBefore: `${prefix}c` })).to.deep.equal([b]);
    expect(await list({ startAt: `${prefix}b`, endBefore: `${prefix}b` })).to.deep.equal([]);
  });

  it("lists nothing where nothing is", async () => {
    const page = await store().list({ prefix: `${scope()}/none/`, limit: 10, signal });
    expect(page).to.deep.equal({ items: [], more: false });
  });

  it("misses no name while another writes", async () => {
    const prefix = `${scope()}/`;
    const nameOf = (n: number) => `${prefix}${String(n).padStart(6, "0")}`;
    const before = Array.from({ length: 300 }, (_, n) => nameOf(n * 10));
    await Promise.all(before.map((name) => store().create(name, bytes, { signal })));
    let paging = true;
    const writing = (async () => {
      const between: string[] = [];
      for (let n = 0; paging; n++) {
        const name = nameOf(((n * 7919) % 300) * 10 + 1 + (n % 9));
        const { type } = await other().create(name, bytes, { signal });
        if (type === "created") between.push(name);
      }
      return between;
    })();
    const listed = await listAll(store(), { prefix, limit: 7, signal });
    paging = false;
    const between = new Set(await writing);
    expect(listed.filter((name) => !between.has(name))).to.deep.equal(before);
    expect(listed).to.deep.equal([...new Set(listed)].sort());
    const after = await listAll(store(), { prefix, limit: 1000, signal });
    expect(after).to.deep.equal([...before, ...between].sort());
  });
}

export function describeDeletion({ scope, store, other }: Context): void {
  it("deletes a name, which can then be created again", async () => {
    const name = `${scope()}/a`;
    expect(await store().delete(name, { signal })).to.deep.equal({ type: "absent" });
    const versions = new Set<string>();
    for (let round = 0; round < 10; round++) {
      const created = await store().create(name, Buffer.from(`round ${round}`), { signal });
      expect(created.type).to.equal("created");
      if (created.type === "created") versions.add(created.version);
      expect(await text(other(), name)).to.equal(`round ${round}`);
      expect(await other().delete(name, { signal })).to.deep.equal({ type: "deleted" });
      expect(await store().get(name, { signal })).to.deep.equal({ type: "absent" });
      const page = await store().list({ prefix: name, limit: 1, signal });
      expect(page.items).to.deep.equal([]);
    }
    expect(versions.size).to.equal(10);
    expect(await store().delete(name, { signal })).to.deep.equal({ type: "absent" });
  });
}
