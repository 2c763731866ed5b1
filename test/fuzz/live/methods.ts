/** Every method that a node has, and messages for it. */

import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import type { DescMethod, MessageInitShape } from "@bufbuild/protobuf";
import fc from "fast-check";

import { NodeService } from "../../../gen/suraft/node/v1/node_pb.js";
import { ClusterService } from "../../../gen/suraft/v1/cluster_pb.js";
import {
  AppendRequestSchema,
  AppendSessionRequestSchema,
  LogService,
} from "../../../gen/suraft/v1/log_pb.js";
import { PutSnapshotRequestSchema, SnapshotService } from "../../../gen/suraft/v1/snapshot_pb.js";
import { crc32c } from "../../../src/log/crc32c.js";
import { encodeForwardRequest } from "../../../src/peer/forward-request.js";
import { methodPath } from "../../../src/rpc/service-definition.js";
import { appendRequest, textEntry } from "../../log/entries.js";
import { arbitraryMessage, withSender } from "../messages.js";
import { grpcFrame } from "../../rpc/http2-bytes.js";

export const methods: readonly DescMethod[] = [
  LogService,
  ClusterService,
  SnapshotService,
  NodeService,
].flatMap((service) => service.methods);

/** Paths that a node serves, those of others' services too, and one that it does not. */
export const paths: readonly string[] = [
  ...methods.map(methodPath),
  "/grpc.health.v1.Health/Check",
  "/grpc.health.v1.Health/Watch",
  "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
  "/suraft.v1.LogService/NoSuchMethod",
];

/** Of a cluster's id, which is not known beforehand, and as long. */
export const clusterPlaceholder = "00000000-0000-4000-8000-000000000000";

const append = fc
  .array(fc.string({ maxLength: 20 }), { minLength: 1, maxLength: 3 })
  .map((texts) => appendRequest(texts.map(textEntry)));

const peer = {
  clusterId: clusterPlaceholder,
  nodeId: "n2",
  incarnation: "i2",
  receiverId: "n1",
};

/** A message for a method: mostly of its own type, and often one that the node takes. */
function messageFor(method: DescMethod | undefined): fc.Arbitrary<Uint8Array> {
  const others = fc.constantFrom(...methods).chain(({ input }) => arbitraryMessage(input));
  if (method === undefined) return others;
  const own = fc
    .tuple(arbitraryMessage(method.input), fc.nat(9))
    .map(([message, chance]) => (chance > 0 ? withSender(method.input, message, peer) : message));
  const appends = { Forward: forwarded, AppendSession: inSession }[method.name] ?? append;
  const isAppend = method.name.startsWith("Append") || method.name === "Forward";
  return fc.oneof(
    { arbitrary: isAppend ? appends : own, weight: 6 },
    { arbitrary: own, weight: 2 },
    { arbitrary: others, weight: 1 },
  );
}

const inSession = fc.oneof(
  append,
  fc
    .array(append, { minLength: 1, maxLength: 3 })
    .map((appends) => appends.map((one) => fromBinary(AppendRequestSchema, one)))
    .map((appends) => create(AppendSessionRequestSchema, { appends }))
    .map((request) => toBinary(AppendSessionRequestSchema, request)),
);

const forwarded = fc
  .array(fc.record({ message: append, stream: fc.nat(3) }), { minLength: 1, maxLength: 3 })
  .map(encodeForwardRequest);

type Piece = NonNullable<MessageInitShape<typeof PutSnapshotRequestSchema>["piece"]>;

/** A snapshot as it is put, whole; the log may be as long. */
const snapshot = fc.tuple(fc.nat(3), fc.uint8Array({ maxLength: 50 })).map(([index, chunk]) => {
  const value = Buffer.from(chunk);
  const pieces: Piece[] = [
    { case: "begin", value: { nextIndex: BigInt(index) } },
    { case: "chunk", value },
    { case: "end", value: { checksum: crc32c(value) } },
  ];
  const encoded = pieces.map((piece) =>
    toBinary(PutSnapshotRequestSchema, create(PutSnapshotRequestSchema, { piece })),
  );
  return Buffer.concat(encoded.map((message) => grpcFrame(message)));
});

/** The body of a call of a method. A stream of forwarded appends says first who forwards. */
export function bodyFor(method: DescMethod | undefined): fc.Arbitrary<Buffer> {
  const first =
    method?.name === "Forward"
      ? [withSender(method.input, new Uint8Array(), peer)]
      : ([] as Uint8Array[]);
  const bodies = fc
    .array(messageFor(method), { maxLength: 4 })
    .map((messages) => Buffer.concat([...first, ...messages].map((message) => grpcFrame(message))));
  return method?.name === "PutSnapshot" ? fc.oneof(snapshot, bodies) : bodies;
}
