/**
 * A server that answers whatever the bytes say, to our own clients: of the log, of a node's status, of
 * other nodes. Each call ends, by an answer or a SuraftError; each append handed on has one fate.
 */

import { once } from "node:events";
import { createServer, type Http2Server, type ServerHttp2Stream } from "node:http2";
import type { AddressInfo } from "node:net";

import type { DescMessage } from "@bufbuild/protobuf";
import fc from "fast-check";

import { NodeService } from "../../../gen/suraft/node/v1/node_pb.js";
import { ClusterService } from "../../../gen/suraft/v1/cluster_pb.js";
import { LogService } from "../../../gen/suraft/v1/log_pb.js";
import { SnapshotService } from "../../../gen/suraft/v1/snapshot_pb.js";
import { connect } from "../../../src/client/client.js";
import { SuraftError } from "../../../src/errors.js";
import { ForwardStream } from "../../../src/peer/forward-stream.js";
import { PeerClient } from "../../../src/peer/peer-client.js";
import type { Message } from "../../../src/core/protocol.js";
import { appendRequest, textEntry } from "../../log/entries.js";
import { grpcFrame } from "../../rpc/http2-bytes.js";
import { arbitraryMessage, withSender } from "../messages.js";
import { hold, liveTarget, type Judged, type OpenTarget } from "../target.js";

const self = { clusterId: "c", nodeId: "n1", incarnation: "i1" };
const liar = { clusterId: "c", nodeId: "n2", incarnation: "i2", receiverId: "n1" };

const callMs = 100;
const peerMs = 40;
const endMs = 20_000;

/** What is odd about an answer, a bit each. */
const odd = { noTrailers: 1, reset: 2, details: 4, late: 8 } as const;

interface Answer {
  readonly code: number;
  readonly oddities: number;
  readonly body: Buffer;
}

/** Makes a call of the liar; resolves to whether it was taken for an answer. */
type Caller = (address: string) => Promise<boolean>;

async function typed(call: Promise<unknown>): Promise<boolean> {
  try {
    await call;
    return true;
  } catch (error) {
    if (!(error instanceof SuraftError)) throw error;
    hold(error.message.length > 0, "an error says something");
    return false;
  }
}

async function withClient(
  address: string,
  use: (client: ReturnType<typeof connect>) => Promise<unknown>,
): Promise<boolean> {
  const client = connect([address], { timeoutMs: callMs });
  try {
    return await typed(use(client));
  } finally {
    client.close();
  }
}

async function readAll(parts: AsyncIterable<unknown>): Promise<void> {
  for await (const _part of parts);
}

async function readFirst(parts: AsyncIterable<unknown>): Promise<void> {
  for await (const _part of parts) return;
}

async function* state(): AsyncGenerator<Uint8Array> {
  for (const text of ["the ", "state"]) yield await Promise.resolve(Buffer.from(text));
}

const entry = { payload: Buffer.from("x") };

async function appendInSession(client: ReturnType<typeof connect>): Promise<void> {
  const session = client.openSession({ timeoutMs: callMs });
  const answers = [session.append([entry]), session.append([entry])].map(typed);
  await Promise.all(answers);
  await typed(session.close());
}

/** A peer that is asked; it answers, or cannot be reached, or keeps silent, which is no matter. */
async function askPeer(address: string, message: Message): Promise<boolean> {
  let peer: PeerClient | undefined;
  const answered = new Promise<boolean>((resolve) => {
    const timer = setTimeout(() => resolve(false), peerMs);
    const settle = (answer: boolean): void => {
      clearTimeout(timer);
      resolve(answer);
    };
    peer = new PeerClient({
      self,
      nodeId: "n2",
      address,
      timeoutMs: callMs,
      receive: () => settle(true),
      onReachable: (reachable) => (reachable ? undefined : settle(false)),
      onLeaderNamed: () => undefined,
    });
    peer.send(message);
  });
  const answer = await answered;
  peer?.close();
  return answer;
}

async function forwardAppends(address: string): Promise<boolean> {
  const silent = {
    receive: () => undefined,
    onReachable: () => undefined,
    onLeaderNamed: () => undefined,
  };
  const peer = new PeerClient({ self, nodeId: "n2", address, timeoutMs: callMs, ...silent });
  const open = new Set(
    [0, 1].map((number) => ({ number, message: appendRequest([textEntry("x")]) })),
  );
  let committed = 0;
  await new Promise<void>((resolve, reject) => {
    const settled = (appends: readonly unknown[]): void => {
      for (const append of appends) {
        if (!open.delete(append as never)) reject(new Error("an append had two fates"));
      }
      if (open.size === 0) resolve();
    };
    const stream = new ForwardStream<typeof open extends Set<infer T> ? T : never>({
      peer,
      graceMs: callMs,
      committed: ({ appends }) => {
        committed += appends.length;
        settled(appends);
      },
      repeated: (append) => settled([append]),
      returned: (append) => settled([append]),
      unknown: (appends) => settled(appends),
    });
    stream.send([...open]);
    // As a follower whose leader changes: what has no answer gets none.
    setTimeout(() => stream.end(), peerMs);
  });
  peer.close();
  return committed > 0;
}

const heartbeat: Message = {
  type: "heartbeatRequest",
  leading: true,
  tailPosition: 1,
  nextIndex: 1,
  replyWanted: true,
  greatestLease: undefined,
  epoch: { term: 1, leaderId: "n1", nonce: "00" },
};

/** Ways to call, and what they are answered with. */
const callers: readonly { readonly answer: DescMessage; readonly call: Caller }[] = [
  {
    answer: LogService.method.append.output,
    call: (at) => withClient(at, (client) => client.append([entry])),
  },
  {
    answer: LogService.method.getTail.output,
    call: (at) => withClient(at, (client) => client.tail()),
  },
  {
    answer: LogService.method.read.output,
    call: (at) => withClient(at, (client) => readFirst(client.read({ timeoutMs: callMs }))),
  },
  { answer: LogService.method.appendSession.output, call: (at) => withClient(at, appendInSession) },
  {
    answer: ClusterService.method.getStatus.output,
    call: (at) => withClient(at, (client) => client.status()),
  },
  {
    answer: ClusterService.method.watchStatus.output,
    call: (at) => withClient(at, (client) => readFirst(client.watchStatus(at))),
  },
  {
    answer: SnapshotService.method.putSnapshot.output,
    call: (at) =>
      withClient(at, (client) => client.putSnapshot(state, { nextIndex: 3, timeoutMs: callMs })),
  },
  {
    answer: SnapshotService.method.listSnapshots.output,
    call: (at) => withClient(at, (client) => client.snapshots()),
  },
  {
    answer: SnapshotService.method.getSnapshot.output,
    call: (at) =>
      withClient(at, async (client) =>
        readAll((await client.getSnapshot({ timeoutMs: callMs })).content),
      ),
  },
  {
    answer: NodeService.method.vote.output,
    call: (at) => askPeer(at, { type: "voteRequest", term: 1, preVote: true, transfer: false }),
  },
  {
    answer: NodeService.method.barrier.output,
    call: (at) => askPeer(at, { type: "barrierRequest", barrier: 1 }),
  },
  { answer: NodeService.method.heartbeat.output, call: (at) => askPeer(at, heartbeat) },
  { answer: NodeService.method.forward.output, call: forwardAppends },
];

const input = fc.nat(callers.length - 1).chain((at) => {
  const schema = callers[at]?.answer ?? LogService.method.append.output;
  const message = arbitraryMessage(schema).map((bytes) => withSender(schema, bytes, liar));
  return fc
    .tuple(
      fc.oneof(fc.constant(0), fc.nat(20)),
      fc.oneof({ arbitrary: fc.constant(0), weight: 4 }, { arbitrary: fc.nat(15), weight: 1 }),
      fc.array(message, { minLength: 1, maxLength: 3 }),
    )
    .map(([code, oddities, messages]) =>
      Buffer.concat([Buffer.from([at, code, oddities]), ...messages.map((one) => grpcFrame(one))]),
    );
});

function answerWith(stream: ServerHttp2Stream, { code, oddities, body }: Answer): void {
  const has = (bit: number): boolean => (oddities & bit) !== 0;
  stream.on("error", () => undefined);
  stream.resume();
  stream.respond(
    { ":status": 200, "content-type": "application/grpc" },
    // Node itself aborts where a stream that waits for trailers is reset by its server.
    { waitForTrailers: !has(odd.noTrailers) && !has(odd.reset) },
  );
  stream.on("wantTrailers", () => {
    const details = has(odd.details) ? { "grpc-status-details-bin": body.toString("base64") } : {};
    stream.sendTrailers({ "grpc-status": String(code), ...details });
  });
  if (has(odd.reset)) {
    stream.write(body, () => stream.close(2));
  } else if (has(odd.late)) {
    // Ends when the caller does.
    stream.write(body);
    stream.on("end", () => stream.end());
  } else {
    stream.end(body);
  }
}

async function listen(server: Http2Server): Promise<string> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function open(): Promise<OpenTarget> {
  let answer: Answer = { code: 0, oddities: 0, body: Buffer.alloc(0) };
  const sessions = new Set<{ destroy(): void }>();
  const server = createServer();
  server.on("session", (session) =>
    sessions.add(session.on("close", () => sessions.delete(session))),
  );
  server.on("stream", (stream) => answerWith(stream, answer));
  const address = await listen(server);
  const uncaught: unknown[] = [];
  const note = (error: unknown): void => void uncaught.push(error);
  process.on("uncaughtException", note).on("unhandledRejection", note);
  return {
    judge: async (bytes): Promise<Judged> => {
      const [at = 0, code = 0, oddities = 0] = bytes;
      answer = { code, oddities, body: Buffer.from(bytes.subarray(3)) };
      const caller = callers[at % callers.length];
      const accepted = await ending(caller?.call(address) ?? Promise.resolve(false));
      const [error] = uncaught.splice(0);
      if (error !== undefined) throw error;
      return { accepted };
    },
    close: async () => {
      process.off("uncaughtException", note).off("unhandledRejection", note);
      for (const session of sessions) session.destroy();
      server.close();
    },
  };
}

async function ending(call: Promise<boolean>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((_, reject) => {
    timer = setTimeout(() => reject(new Error("a call does not end")), endMs);
  });
  return await Promise.race([call, late]).finally(() => clearTimeout(timer));
}

export const lyingServerTarget = liveTarget({
  name: "live/lying-server",
  valid: input,
  open,
});
