import { create, toBinary } from "@bufbuild/protobuf";
import { expect } from "chai";

import {
  ForwardResponseSchema,
  type HeartbeatResponseSchema,
} from "../../gen/suraft/node/v1/node_pb.js";
import type { AckRangeSchema } from "../../gen/suraft/v1/log_pb.js";
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { Message } from "../../src/core/protocol.js";
import type { SuraftError } from "../../src/errors.js";
import { ForwardStream } from "../../src/peer/forward-stream.js";
import type { PeerClient } from "../../src/peer/peer-client.js";
import { openPeer } from "./open-peer.js";
import { startTestServer, type TestHandlers, type TestServer } from "../rpc/test-server.js";

const sender = { clusterId: "c", nodeId: "n2", incarnation: "i2", receiverId: "n1" };
const tooGreat = 2n ** 60n;

describe("a peer that answers what makes no sense", () => {
  let server: TestServer | undefined;
  let peer: PeerClient | undefined;
  const received: Message[] = [];
  let unreachable = (_reason: string): void => undefined;

  async function open(handlers: TestHandlers): Promise<PeerClient> {
    server = await startTestServer(handlers);
    peer = openPeer({
      address: server.address,
      receive: (_sender, message) => received.push(message),
      onReachable: (reachable, reason) => (reachable ? undefined : unreachable(reason)),
    });
    return peer;
  }

  afterEach(async () => {
    peer?.close();
    await server?.stop();
    received.length = 0;
  });

  it("counts as one that does not answer, to heartbeats too", async () => {
    const answer: MessageInitShape<typeof HeartbeatResponseSchema> = { sender, term: tooGreat };
    const client = await open({
      node: {
        heartbeat: (call) => ({
          message: () => call.write(answer),
          halfClosed: () => call.end(),
          closed: () => undefined,
        }),
      },
    });
    const reason = await new Promise<string>((resolve) => {
      unreachable = resolve;
      const epoch = { term: 1, leaderId: "n1", nonce: "00" };
      const rest = {
        leading: true,
        tailPosition: 1,
        nextIndex: 1,
        replyWanted: true,
        greatestLease: undefined,
      };
      client.send({ type: "heartbeatRequest", epoch, ...rest });
    });
    expect(reason).to.equal("the number 1152921504606846976 is out of range");
    expect(received).to.deep.equal([]);
  });

  const nonsense: Readonly<Record<string, MessageInitShape<typeof AckRangeSchema>>> = {
    "an index of 2^60": { firstAppend: 1n, appendCount: 1, firstIndex: tooGreat },
    "a term of 2^60": { firstAppend: 1n, appendCount: 1, term: tooGreat },
    "a time of 2^60 seconds": { firstAppend: 1n, appendCount: 1, timestamp: { seconds: tooGreat } },
    "more appends than there were": { firstAppend: 1n, appendCount: 3 },
    "four billion appends": { firstAppend: 1n, appendCount: 2 ** 32 - 1 },
    "the append number 2^60": { firstAppend: tooGreat, appendCount: 1 },
  };
  for (const [what, ack] of Object.entries(nonsense)) {
    it(`leaves open what became of appends that it answers with ${what}`, async () => {
      const bytes = toBinary(ForwardResponseSchema, create(ForwardResponseSchema, { acks: [ack] }));
      let requests = 0;
      const client = await open({
        node: {
          forward: (call) => ({
            // The first request says who sends; the second has two appends.
            message: () => (++requests === 2 ? call.write(bytes) : undefined),
            halfClosed: () => undefined,
            closed: () => undefined,
          }),
        },
      });
      const appends = [{ message: Buffer.from([]) }, { message: Buffer.from([]) }];
      const [count, error] = await new Promise<[number, SuraftError]>((resolve, reject) => {
        const stream = new ForwardStream<(typeof appends)[number]>({
          peer: client,
          graceMs: 1_000,
          committed: () => reject(new Error("it was taken for an answer")),
          repeated: () => reject(new Error("it was taken for a repeat")),
          returned: () => reject(new Error("it was taken for a refusal")),
          unknown: (open, cause) => resolve([open.length, cause]),
        });
        stream.send(appends);
      });
      expect(count).to.equal(2);
      expect(error.kind).to.equal("unknown_outcome");
    });
  }
});
