/** Bytes on a node's port: HTTP/2 and gRPC, or what is left of them. */

import fc from "fast-check";

import { liveTarget, textDamage, type OpenTarget } from "../target.js";
import {
  endHeaders,
  endStream,
  frame,
  frameType,
  headerBlock,
  preface,
} from "../../rpc/http2-bytes.js";
import { LiveNode, sendRaw } from "./live-node.js";
import { bodyFor, methods, paths } from "./methods.js";

/** How long a connection may do nothing before it is given up. */
const patienceMs = 25;
const probeEvery = 40;

const call = fc.nat(paths.length - 1).chain((at) =>
  fc.record({
    path: fc.constant(paths[at] ?? "/"),
    body: bodyFor(methods[at]),
    extraHeaders: fc.oneof(
      { arbitrary: fc.constant(0), weight: 8 },
      { arbitrary: fc.constantFrom(50, 1_500), weight: 1 },
    ),
    ends: fc.boolean(),
  }),
);

type Call = typeof call extends fc.Arbitrary<infer T> ? T : never;

function callFrames({ path, body, extraHeaders, ends }: Call, stream: number): Buffer {
  const headers: (readonly [string, string])[] = [
    [":method", "POST"],
    [":scheme", "http"],
    [":path", path],
    [":authority", "localhost"],
    ["content-type", "application/grpc"],
    ["te", "trailers"],
    ...Array.from({ length: extraHeaders }, (_, n) => [`x-${n}`, "y".repeat(20)] as const),
  ];
  const block = headerBlock(headers);
  const fitting = block.subarray(0, 16_384);
  const isWhole = fitting.length === block.length;
  const head = { type: frameType.headers, flags: isWhole ? endHeaders : 0, stream };
  const rest = isWhole
    ? []
    : [frame({ type: frameType.continuation, flags: endHeaders, stream }, block.subarray(16_384))];
  const flags = ends ? endStream : 0;
  return Buffer.concat([
    frame(head, fitting),
    ...rest,
    frame({ type: frameType.data, flags, stream }, body.subarray(0, 16_384)),
  ]);
}

const otherFrame = fc
  .tuple(
    fc.constantFrom(...Object.values(frameType)),
    fc.nat(255),
    fc.nat(9),
    fc.uint8Array({ maxLength: 20 }),
  )
  .map(([type, flags, stream, payload]) => frame({ type, flags, stream }, payload));

const connection = fc
  .tuple(fc.array(call, { minLength: 1, maxLength: 3 }), fc.array(otherFrame, { maxLength: 3 }))
  .map(([calls, others]) =>
    Buffer.concat([
      preface,
      frame({ type: frameType.settings, flags: 0, stream: 0 }, Buffer.alloc(0)),
      ...calls.map((one, at) => callFrames(one, 2 * at + 1)),
      ...others,
    ]),
  );

async function open(): Promise<OpenTarget> {
  const live = await LiveNode.start();
  let inputs = 0;
  return {
    judge: async (bytes) => {
      // Whatever appends the bytes may hold, few bytes hold few.
      live.maybe(bytes.length);
      await sendRaw(live.address, bytes, patienceMs);
      if (++inputs % probeEvery === 0) await live.checkServes();
      await live.checkHolds();
      return { accepted: true };
    },
    close: () => live.close(),
  };
}

export const rawBytesTarget = liveTarget({
  name: "live/bytes",
  valid: connection,
  damage: textDamage,
  tokens: [
    "\0\0\0\u0004\0\0\0\0\0",
    "GET / HTTP/1.1\r\n\r\n",
    "\u0016\u0003\u0001",
    "application/grpc",
    "application/grpc-web",
    "grpc-encoding",
    "grpc-timeout",
    "99999999H",
    ":path",
    "gzip",
  ],
  open,
});
