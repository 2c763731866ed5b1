import { status as grpcStatus, Metadata } from "@grpc/grpc-js";
import { expect } from "chai";

import { SuraftError, type ErrorKind } from "../../src/errors.js";
import {
  codeOf,
  fromServiceError,
  fromStatus,
  internalStatusObject,
  toStatus,
  toStatusObject,
} from "../../src/rpc/status.js";

/** STYLE.md's table. */
const table: readonly (readonly [ErrorKind, keyof typeof grpcStatus])[] = [
  ["invalid", "INVALID_ARGUMENT"],
  ["not_served", "UNIMPLEMENTED"],
  ["conflict", "ABORTED"],
  ["producer_expired", "FAILED_PRECONDITION"],
  ["out_of_range", "OUT_OF_RANGE"],
  ["not_leader", "FAILED_PRECONDITION"],
  ["unavailable", "UNAVAILABLE"],
  ["overloaded", "RESOURCE_EXHAUSTED"],
  ["unknown_outcome", "UNKNOWN"],
  ["unauthenticated", "UNAUTHENTICATED"],
  ["forbidden", "PERMISSION_DENIED"],
  ["corrupt", "DATA_LOSS"],
  ["cancelled", "CANCELLED"],
  ["deadline_exceeded", "DEADLINE_EXCEEDED"],
];

const lost = "unknown_outcome";

describe("errors on the wire", () => {
  for (const [kind, code] of table) {
    it(`sends ${kind} as ${code} and reads it back`, () => {
      const error = new SuraftError(kind, "what is wrong", { details: { next_index: "7" } });
      const sent = toStatusObject(error);
      expect(codeOf(kind)).to.equal(grpcStatus[code]);
      expect(sent.code).to.equal(grpcStatus[code]);
      const read = fromServiceError(sent, { lost });
      expect(read.kind).to.equal(kind);
      expect(read.message).to.equal("what is wrong");
      expect(read.details).to.deep.equal({ next_index: "7" });
      expect(fromStatus(toStatus(error), { lost }).kind).to.equal(kind);
    });
  }

  it("asks an overloader to wait, always", () => {
    const bare = { lost } as const;
    expect(fromStatus(toStatus(new SuraftError("overloaded", "")), bare).retryDelayMs).to.equal(
      100,
    );
    const error = new SuraftError("overloaded", "", { retryDelayMs: 1250.5 });
    expect(fromStatus(toStatus(error), bare).retryDelayMs).to.equal(1250.5);
    expect(fromStatus(toStatus(new SuraftError("invalid", "")), bare).retryDelayMs).to.equal(
      undefined,
    );
  });

  it("waits for no delay that is none", () => {
    for (const retryDelayMs of [-1, -1e12, 2 ** 60]) {
      const status = toStatus(new SuraftError("overloaded", "", { retryDelayMs }));
      expect(fromStatus(status, { lost }).retryDelayMs, String(retryDelayMs)).to.equal(undefined);
    }
  });

  it("keeps trailers small and their text well-formed", () => {
    const sent = toStatusObject(new SuraftError("invalid", `\ud800${"x".repeat(100_000)}`));
    expect(Buffer.byteLength(sent.details)).to.be.within(990, 1_000);
    expect(() => encodeURI(sent.details)).not.to.throw();
    for (const character of ["é", "日", "\u{1f600}"]) {
      const { details, metadata } = toStatusObject(
        new SuraftError("invalid", character.repeat(1_000)),
      );
      const [bytes] = metadata.get("grpc-status-details-bin");
      const size = encodeURI(details).length + Buffer.from(bytes ?? "").toString("base64").length;
      expect(size, character).to.be.lessThan(7_000);
      expect(details).to.match(new RegExp(`^(?:${character})+…$`, "u"));
    }
  });

  const bare = (code: number, details = "") => ({ code, details, metadata: new Metadata() });

  it("takes a bare UNAVAILABLE for what the caller says of a lost call", () => {
    const broken = bare(grpcStatus.UNAVAILABLE, "Connection dropped");
    expect(fromServiceError(broken, { lost }).kind).to.equal("unknown_outcome");
    expect(fromServiceError(broken, { lost: "unavailable" }).kind).to.equal("unavailable");
  });

  it("knows a call that never left the process or was refused unseen", () => {
    for (const details of [
      "No connection established. Last error: connect ECONNREFUSED",
      "Stream refused by server",
    ]) {
      const error = bare(grpcStatus.UNAVAILABLE, details);
      expect(fromServiceError(error, { lost }).kind).to.equal("unavailable");
    }
  });

  it("trusts only suraft's own word that an append is certainly not in the log", () => {
    for (const code of [
      grpcStatus.RESOURCE_EXHAUSTED,
      grpcStatus.INTERNAL,
      grpcStatus.UNKNOWN,
      grpcStatus.ABORTED,
      grpcStatus.OK,
      777,
    ]) {
      expect(fromServiceError(bare(code), { lost }).kind).to.equal("unknown_outcome");
    }
    expect(fromServiceError(new Error("socket hang up"), { lost }).kind).to.equal(
      "unknown_outcome",
    );
    expect(fromServiceError(internalStatusObject(), { lost }).kind).to.equal("unknown_outcome");
  });

  it("reads bare codes that need no explanation", () => {
    const kinds: readonly (readonly [number, ErrorKind])[] = [
      [grpcStatus.CANCELLED, "cancelled"],
      [grpcStatus.DEADLINE_EXCEEDED, "deadline_exceeded"],
      [grpcStatus.UNIMPLEMENTED, "not_served"],
      [grpcStatus.INVALID_ARGUMENT, "invalid"],
      [grpcStatus.UNAUTHENTICATED, "unauthenticated"],
    ];
    for (const [code, kind] of kinds) {
      expect(fromServiceError(bare(code), { lost }).kind).to.equal(kind);
    }
  });

  it("says so where a server gave no reason", () => {
    expect(fromServiceError(bare(grpcStatus.CANCELLED), { lost }).message).to.equal(
      "CANCELLED, and no word of why",
    );
    expect(fromServiceError(bare(77), { lost }).message).to.contain("code 77");
    const status = toStatus(new SuraftError("invalid", ""));
    expect(fromStatus(status, { lost }).message).to.contain("INVALID_ARGUMENT");
  });

  it("is not misled by details that are garbage or another's", () => {
    const garbage = bare(grpcStatus.UNAVAILABLE, "x");
    garbage.metadata.set("grpc-status-details-bin", Buffer.from([0xff, 0xff]));
    expect(fromServiceError(garbage, { lost }).kind).to.equal("unknown_outcome");
    const foreign = toStatus(new SuraftError("unavailable", ""));
    for (const any of foreign.details) {
      any.value = Buffer.from(
        Buffer.from(any.value).toString("latin1").replace("suraft.dev", "example.io"),
        "latin1",
      );
    }
    expect(fromStatus(foreign, { lost }).kind).to.equal("unknown_outcome");
  });

  it("passes a SuraftError through", () => {
    const error = new SuraftError("corrupt", "x");
    expect(fromServiceError(error, { lost })).to.equal(error);
  });
});
