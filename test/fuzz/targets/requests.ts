/**
 * What clients and peers ask of a node, message by message: every method that the server has. A
 * refusal is a SuraftError of a kind that says what is wrong with the call.
 */

import { create, equals, fromBinary, toBinary } from "@bufbuild/protobuf";
import type { DescMessage, MessageShape } from "@bufbuild/protobuf";

import * as node from "../../../gen/suraft/node/v1/node_pb.js";
import { ClusterService } from "../../../gen/suraft/v1/cluster_pb.js";
import { SnapshotService } from "../../../gen/suraft/v1/snapshot_pb.js";
import * as log from "../../../gen/suraft/v1/log_pb.js";
import { SuraftError } from "../../../src/errors.js";
import {
  checkSender,
  decodeHeartbeat,
  decodeVote,
  toNumber,
  type Identity,
} from "../../../src/peer/messages.js";
import { ReadCut } from "../../../src/log/read-cut.js";
import { rangeOf } from "../../../src/log/read-plan.js";
import type { ReadPlan } from "../../../src/log/read-plan.js";
import { decodeRequest } from "../../../src/rpc/service-definition.js";
import { takeAppend } from "../../../src/service/append-check.js";
import { isLinearizable, planRead } from "../../../src/service/read-request.js";
import { runOf, textEntry, wideBounds } from "../../log/entries.js";
import { MemoryLog } from "../../service/memory-log.js";
import { arbitraryMessage, withSender } from "../messages.js";
import { hold, taken, wireTarget, type Judged, type Target } from "../target.js";

const self: Identity = { clusterId: "c", nodeId: "n1", incarnation: "i1" };
const peer = { clusterId: "c", nodeId: "n2", incarnation: "i2", receiverId: "n1" };

/** Refusals of a message for what it is. */
function isRefusal(error: unknown): boolean {
  const kinds = ["invalid", "not_served", "not_leader", "out_of_range"];
  return error instanceof SuraftError && kinds.includes(error.kind) && error.message.length > 0;
}

/** What the service does with a message before it reaches the node. */
type Use = (bytes: Uint8Array) => unknown;

function decoded<S extends DescMessage>(
  schema: S,
  use: (message: MessageShape<S>) => unknown,
): Use {
  return (bytes) => use(decodeRequest(schema, bytes));
}

const uses: Readonly<Record<string, Use>> = {
  AppendRequest: (bytes) => takeAppend(bytes, wideBounds).run.bytes,
  AppendSessionRequest: (bytes) => takeAppend(bytes, wideBounds).run.bytes,
  ReadRequest: decoded(log.ReadRequestSchema, planRead),
  GetTailRequest: decoded(log.GetTailRequestSchema, (request) =>
    isLinearizable(request.consistency),
  ),
  VoteRequest: decoded(node.VoteRequestSchema, (request) => {
    checkSender(request.sender, self);
    return decodeVote(request);
  }),
  HeartbeatRequest: decoded(node.HeartbeatRequestSchema, (request) => {
    checkSender(request.sender, self);
    return decodeHeartbeat(request);
  }),
  BarrierRequest: decoded(node.BarrierRequestSchema, (request) => {
    checkSender(request.sender, self);
    return toNumber(request.barrier);
  }),
};

/** Of a message that a decoder took no field was lost or made up. */
function checkWhole(schema: DescMessage, bytes: Uint8Array): void {
  const message = decodeRequest(schema, bytes);
  const again = fromBinary(schema, toBinary(schema, message));
  hold(equals(schema, again, message), "a message comes back as it was decoded");
  hold(message.$unknown === undefined, "nothing unknown is kept");
  hold(equals(schema, create(schema, fromBinary(schema, bytes)), message), "it is protobuf-es's");
}

function requestTarget(schema: DescMessage): Target {
  const use = uses[schema.name] ?? decoded(schema, () => undefined);
  return wireTarget({
    name: `request/${schema.name}`,
    valid: arbitraryMessage(schema).map((bytes) => withSender(schema, bytes, peer)),
    judge: (bytes): Judged => {
      const whole = taken(() => checkWhole(schema, bytes), isRefusal);
      const judged = taken(() => use(bytes), isRefusal);
      return { accepted: judged.accepted || whole.accepted, output: judged.output };
    },
  });
}

const log3 = new MemoryLog();
log3.term = 1;
log3.append([runOf([textEntry("one"), textEntry("two")])], 1_000);
log3.append([runOf([textEntry("three")])], 2_000_000_000_000);

/** A read's entries come in its order, each once. */
async function takeAll(cut: ReadCut, { reverse }: ReadPlan): Promise<void> {
  if (cut.isDone || cut.nextIndex >= log3.nextIndex) return;
  const step = reverse ? -1 : 1;
  const options = { startIndex: cut.nextIndex, signal: new AbortController().signal };
  let next = cut.nextIndex;
  for await (const segment of reverse ? log3.segmentsBack(options) : log3.segments(options)) {
    for (const taken of cut.take(segment, 5)) {
      if (taken.type === "pause") continue;
      const { firstIndex, run } = taken.batch;
      hold((firstIndex - next) * step >= 0, "entries come in the read's order");
      next = firstIndex + step * run.entryCount;
      hold((cut.nextIndex - next) * step >= 0, "a read is never behind what it gave");
    }
    if (cut.isDone) return;
  }
}

/** Where in a log a read begins, and what it takes of it, for any read that is asked for. */
const readStart = wireTarget({
  name: "request/read-start",
  valid: arbitraryMessage(log.ReadRequestSchema),
  judge: async (bytes) => {
    const read = taken(() => planRead(decodeRequest(log.ReadRequestSchema, bytes)), isRefusal);
    if (read.output === undefined) return { accepted: false };
    const { plan } = read.output;
    const { endIndex = Infinity, entriesMax, bytesMax, reverse } = plan;
    for (const limit of [endIndex, entriesMax, bytesMax]) hold(limit >= 1, "a limit is 1 or more");
    const { signal } = new AbortController();
    const range = await rangeOf(plan, log3, signal).catch((error: unknown) => {
      if (!isRefusal(error)) throw error;
      return undefined;
    });
    if (range === undefined) return { accepted: false };
    const { startIndex } = range;
    const [first, last] = reverse
      ? [log3.firstIndex - 1, log3.nextIndex - 1]
      : [log3.firstIndex, log3.nextIndex];
    hold(startIndex >= first && startIndex <= last, "a read begins within the log");
    await takeAll(new ReadCut({ ...plan, ...range }), plan);
    return { accepted: true };
  },
});

const services = [log.LogService, ClusterService, SnapshotService, node.NodeService];
const inputs = new Set(services.flatMap(({ methods }) => methods.map(({ input }) => input)));

export const requestTargets: readonly Target[] = [...[...inputs].map(requestTarget), readStart];
