import { expect } from "chai";

import type { AppendRequest } from "../../gen/suraft/v1/log_pb.js";
import { Outcome } from "../../gen/suraft/v1/log_pb.js";
import { SuraftError } from "../../src/errors.js";
import {
  append,
  collect,
  failure,
  payloads,
  readAll,
  startTestService,
  type TestService,
  until,
} from "./test-service.js";

describe("LogService, appends with demands", () => {
  let test: TestService;

  beforeEach(async () => {
    test = await startTestService();
    test.node.now = () => 1_700_000_000_123;
  });

  afterEach(async () => {
    await test.stop();
    expect(test.defects).to.deep.equal([]);
  });

  const numbered = (producerId: bigint, sequence: bigint, ...texts: string[]) => ({
    ...append(...texts),
    producer: { producerId, sequence },
  });

  async function open(): Promise<bigint> {
    return (await test.log.openProducer({})).producerId;
  }

  it("opens producers, each with an id of its own", async () => {
    expect(await open()).to.equal(1n);
    expect(await open()).to.equal(2n);
    expect(test.node.log.nextIndex).to.equal(1);
  });

  it("answers a repeat with the first answer, and appends nothing", async () => {
    const producerId = await open();
    await test.log.append(append("before"));
    const first = await test.log.append(numbered(producerId, 1n, "a", "b"));
    await test.log.append(append("between"));
    const second = await test.log.append(numbered(producerId, 1n, "a", "b"));
    expect(first).to.deep.include({ firstIndex: 2n, lastIndex: 3n, term: 1n, repeat: false });
    expect(second).to.deep.equal({ ...first, repeat: true });
    expect(payloads(await readAll(test))).to.deep.equal(["1 before", "2 a", "3 b", "4 between"]);
  });

  it("says of a repeat that is too old only that it stands", async () => {
    const producerId = await open();
    await test.log.append(numbered(producerId, 1n, "a"));
    test.node.model.forgetful = true;
    const repeat = await test.log.append(numbered(producerId, 1n, "a"));
    expect(repeat).to.include({ firstIndex: 0n, lastIndex: 0n, repeat: true });
    const outcome = await test.log.getOutcome({ producerId, sequence: 1n });
    expect(outcome).to.include({ outcome: Outcome.COMMITTED, firstIndex: 0n, lastIndex: 0n });
  });

  it("recognises a repeat before it judges conditions", async () => {
    const producerId = await open();
    const request = { ...numbered(producerId, 1n, "a"), expectedNextIndex: 1n };
    const first = await test.log.append(request);
    expect(await test.log.append(request)).to.deep.equal({ ...first, repeat: true });
  });

  type Refused = readonly [
    name: string,
    request: Partial<Omit<AppendRequest, "$typeName">>,
    kind: string,
    details: Readonly<Record<string, string>>,
  ];

  const refused: readonly Refused[] = [
    [
      "a gap in a producer's numbers",
      { producer: number(1n, 3n) },
      "conflict",
      { condition: "sequence_gap", producer_id: "1", last_sequence: "1" },
    ],
    [
      "a number that other entries have",
      { producer: number(1n, 1n) },
      "conflict",
      { condition: "sequence_reused", producer_id: "1", sequence: "1" },
    ],
    [
      "a producer that is closed",
      { producer: number(3n, 1n) },
      "conflict",
      { condition: "producer_closed", producer_id: "3", last_sequence: "0" },
    ],
    [
      "a producer that was never opened",
      { producer: number(99n, 1n) },
      "invalid",
      { producer_id: "99" },
    ],
    [
      "an index in the past",
      { expectedNextIndex: 2n },
      "conflict",
      { condition: "expected_next_index", next_index: "3" },
    ],
    [
      "an index in the future",
      { expectedNextIndex: 4n },
      "conflict",
      { condition: "expected_next_index", next_index: "3" },
    ],
    [
      "a token that is not in force any more",
      { fencingToken: "old" },
      "conflict",
      { condition: "fencing_token", since_index: "2" },
    ],
    [
      "a key with a later entry",
      { keyConditions: [condition("other", 1n), condition("k", 2n)] },
      "conflict",
      { condition: "key", key: "k", index: "2" },
    ],
  ];

  function number(producerId: bigint, sequence: bigint) {
    return { $typeName: "suraft.v1.ProducerSequence", producerId, sequence } as const;
  }

  function condition(key: string, sinceIndex: bigint) {
    return { $typeName: "suraft.v1.KeyCondition", key, sinceIndex } as const;
  }

  /** Producer 1 has appended once, 2 is expired, 3 closed; the token "new" is in force. */
  async function prepare(): Promise<void> {
    for (let i = 0; i < 3; i++) await open();
    test.node.model.expire(2);
    await test.log.getOutcome({ producerId: 3n, sequence: 1n, settle: true });
    await test.log.append({ ...numbered(1n, 1n, "first"), setFencingToken: "old" });
    const entries = [{ payload: Buffer.from("second"), key: "k" }];
    await test.log.append({ entries, fencingToken: "old", setFencingToken: "new" });
  }

  for (const [name, request, kind, details] of refused) {
    it(`refuses ${name}, and changes nothing`, async () => {
      await prepare();
      const refusal = { ...append("x"), ...request };
      const error = await failure(test.log.append(refusal));
      expect(error.kind).to.equal(kind);
      expect(error.details).to.deep.equal({ ...details, outcome: "not_committed" });
      const call = test.log.appendSession();
      const outcome = collect(call);
      call.write(refusal);
      call.write(append("never begun"));
      const session = (await outcome).error;
      expect(session?.kind).to.equal(kind);
      expect(session?.details).to.include({ ...details, outcome: "not_committed" });
      expect(payloads(await readAll(test))).to.deep.equal(["1 first", "2 second"]);
    });
  }

  it("refuses an expired producer, and does not say that its append is not in the log", async () => {
    await prepare();
    const error = await failure(test.log.append(numbered(2n, 1n, "x")));
    expect(error.kind).to.equal("producer_expired");
    expect(error.details).to.deep.equal({ producer_id: "2", outcome: "unknown" });
  });

  it("appends where all conditions hold", async () => {
    await prepare();
    const answer = await test.log.append({
      ...numbered(1n, 2n, "x"),
      expectedNextIndex: 3n,
      fencingToken: "new",
      keyConditions: [condition("k", 3n), condition("other", 1n)],
    });
    expect(answer).to.include({ firstIndex: 3n, repeat: false });
  });

  it("uses up no number for a refused append", async () => {
    const producerId = await open();
    const conditional = { ...numbered(producerId, 1n, "a"), expectedNextIndex: 9n };
    expect((await failure(test.log.append(conditional))).kind).to.equal("conflict");
    expect((await test.log.append(numbered(producerId, 1n, "b"))).firstIndex).to.equal(1n);
  });

  it("tells of two sessions with one producer that they are two", async () => {
    const producerId = await open();
    const [one, other] = [test.log.appendSession(), test.log.appendSession()];
    const outcomes = [collect(one), collect(other)];
    one.write(numbered(producerId, 1n, "one 1"));
    await until(() => test.node.log.nextIndex === 2, test);
    other.write(numbered(producerId, 1n, "other 1"));
    const { error } = (await outcomes[1]) ?? {};
    expect(error?.kind).to.equal("conflict");
    expect(error?.details).to.include({ condition: "sequence_reused", sequence: "1" });
    one.write(numbered(producerId, 2n, "one 2"));
    one.end();
    expect((await outcomes[0])?.error).to.equal(undefined);
    expect(payloads(await readAll(test))).to.deep.equal(["1 one 1", "2 one 2"]);
  });

  it("joins the answers of a numbered session as those of any, but not its repeats", async () => {
    const producerId = await open();
    for (const sequence of [1n, 2n]) {
      await test.log.append(numbered(producerId, sequence, `${sequence}`));
    }
    test.node.hold();
    const call = test.log.appendSession();
    const outcome = collect(call);
    for (const sequence of [1n, 2n, 3n, 4n]) {
      call.write(numbered(producerId, sequence, `${sequence}`));
    }
    call.end();
    await until(() => test.node.waiting === 4, test);
    test.node.release();
    const { answers, acknowledged } = await outcome;
    expect(acknowledged).to.equal(4);
    expect(answers).to.deep.equal(["repeat 1-1 at 1", "repeat 2-2 at 2", "ack 3-4 at 3"]);
  });

  describe("GetOutcome", () => {
    it("says where an append stands, behind a barrier", async () => {
      const producerId = await open();
      await test.log.append(numbered(producerId, 1n, "a", "b"));
      const { barriers } = test.node;
      const outcome = await test.log.getOutcome({ producerId, sequence: 1n });
      const place = { firstIndex: 1n, lastIndex: 2n, term: 1n };
      expect(outcome).to.include({ outcome: Outcome.COMMITTED, ...place });
      expect(outcome.timestamp?.seconds).to.equal(1_700_000_000n);
      expect(test.node.barriers).to.equal(barriers + 1);
    });

    it("leaves undecided what may come still, unless it is to settle it", async () => {
      const producerId = await open();
      await test.log.append(numbered(producerId, 1n, "a"));
      const ask = (sequence: bigint, settle: boolean) =>
        test.log.getOutcome({ producerId, sequence, settle });
      expect(await ask(2n, false)).to.include({ outcome: Outcome.UNDECIDED, lastSequence: 1n });
      expect(await ask(1n, true)).to.include({ outcome: Outcome.COMMITTED, firstIndex: 1n });
      await test.log.append(numbered(producerId, 2n, "b"));
      expect(await ask(3n, true)).to.include({ outcome: Outcome.NOT_COMMITTED, lastSequence: 2n });
      expect(await ask(4n, false)).to.include({ outcome: Outcome.NOT_COMMITTED });
      const late = await failure(test.log.append(numbered(producerId, 3n, "c")));
      expect(late.details["condition"]).to.equal("producer_closed");
    });

    it("settles what is settled already", async () => {
      const producerId = await open();
      const request = { producerId, sequence: 1n, settle: true };
      expect(await test.log.getOutcome(request)).to.include({ outcome: Outcome.NOT_COMMITTED });
      expect(await test.log.getOutcome(request)).to.include({ outcome: Outcome.NOT_COMMITTED });
    });

    it("may be retried where the close was left unknown", async () => {
      const producerId = await open();
      test.node.hold();
      const settled = failure(test.log.getOutcome({ producerId, sequence: 1n, settle: true }));
      await until(() => test.node.waiting === 1, test);
      test.node.failNext(new SuraftError("unknown_outcome", "the leader was lost"));
      expect(await settled).to.include({ kind: "unavailable" });
    });

    it("refuses producers that it cannot know, and numbers that are none", async () => {
      const producerId = await open();
      test.node.model.expire(1);
      const kindOf = async (request: { producerId: bigint; sequence: bigint }) =>
        (await failure(test.log.getOutcome(request))).kind;
      expect(await kindOf({ producerId, sequence: 1n })).to.equal("producer_expired");
      expect(await kindOf({ producerId: 2n, sequence: 1n })).to.equal("invalid");
      expect(await kindOf({ producerId: 0n, sequence: 1n })).to.equal("invalid");
      expect(await kindOf({ producerId, sequence: 0n })).to.equal("invalid");
      expect(await kindOf({ producerId, sequence: 2n ** 53n })).to.equal("invalid");
      expect(test.node.log.nextIndex).to.equal(1);
    });
  });
});
