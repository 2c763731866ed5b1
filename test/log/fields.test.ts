import { expect } from "chai";
import fc from "fast-check";

import { readObject } from "../../src/log/fields.js";
import type { Fields } from "../../src/log/fields.js";
import { withChecksum } from "./with-checksum.js";

/** An object of these fields. */
function sealed(...fields: readonly number[]): Uint8Array {
  return withChecksum(Uint8Array.from(fields));
}

function read<T>(bytes: Uint8Array, take: (fields: Fields) => T): T | string {
  const decoded = readObject(bytes, "Thing", take);
  return decoded.type === "ok" ? decoded.value : decoded.reason;
}

const numbers = (fields: Fields): number[] => [
  fields.number(1),
  fields.uint32(2),
  fields.fixed32(3),
  fields.bytes(4).length,
];

describe("the fields of a stored message", () => {
  it("are read in their order, and left out where they are zero", () => {
    const whole = sealed(0x08, 5, 0x10, 6, 0x1d, 7, 0, 0, 0, 0x22, 2, 1, 1);
    expect(read(whole, numbers)).to.deep.equal([5, 6, 7, 2]);
    expect(read(sealed(), numbers)).to.deep.equal([0, 0, 0, 0]);
  });

  it("are not written where they are zero", () => {
    const written = "of Thing is written though it is zero";
    expect(read(sealed(0x08, 0), numbers)).to.equal(`field 1 ${written}`);
    expect(read(sealed(0x10, 0), numbers)).to.equal(`field 2 ${written}`);
    expect(read(sealed(0x1d, 0, 0, 0, 0), numbers)).to.equal(`field 3 ${written}`);
    expect(read(sealed(0x22, 0), numbers)).to.equal(`field 4 ${written}`);
  });

  it("stand once, unless they are repeated, and all belong", () => {
    const twice = sealed(0x08, 5, 0x08, 6);
    expect(read(twice, numbers)).to.contain("field 1, wire type 0, of Thing does not belong");
    const messages = sealed(0x0a, 2, 0x08, 5, 0x0a, 0, 0x0a, 2, 0x08, 6);
    const repeated = (fields: Fields) => fields.repeated(1, "Part", (part) => part.number(1));
    expect(read(messages, repeated)).to.deep.equal([5, 0, 6]);
    const surplus = sealed(0x0a, 4, 0x08, 5, 0x10, 6);
    expect(read(surplus, repeated)).to.contain("field 2, wire type 0, of Part does not belong");
  });

  it("are never more than a reason, whatever the bytes are", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 255 })), (bytes) => {
        read(sealed(...bytes), (fields) => fields.repeated(1, "Part", numbers));
        read(Uint8Array.from(bytes), numbers);
      }),
    );
  });
});
