/** Puts into etcd by the client that appends to suraft. */

import { create, toBinary } from "@bufbuild/protobuf";
import { KV, PutRequestSchema } from "../../../gen/etcdserverpb/kv_pb.js";
import { serviceClient } from "../../../src/rpc/client.js";
import { defineService } from "../../../src/rpc/service-definition.js";
import { connect } from "../log-client.js";
import { Meter, type Measured } from "../meter.js";
import type { EtcdLoad } from "../load.js";

/** Fewer than of suraft: with all on one connection etcd is slower. */
const callsPerConnection = 64;

const kv = defineService(KV, { put: { request: true, response: true } });

export async function etcdLoad(load: EtcdLoad): Promise<Measured> {
  const count = Math.ceil(load.inFlight / callsPerConnection);
  const connections = Array.from({ length: count }, () => connect(load.address));
  const calls = connections.map((connection) => serviceClient(kv, connection));
  // One key, as etcd's own benchmark has it by default: every put is a revision of its own.
  const key = Buffer.from("key");
  const value = new Uint8Array(load.payloadBytes).fill(7);
  const request = toBinary(PutRequestSchema, create(PutRequestSchema, { key, value }));
  const meter = new Meter(load);
  const putWhileOpen = async (number: number): Promise<void> => {
    const own = calls[number % count];
    if (own === undefined) throw new Error("a load needs a connection");
    while (meter.isOpen) {
      const startedMs = performance.now();
      try {
        await own.put(request, { timeoutMs: 30_000 });
        meter.done(startedMs, { entries: 1, bytes: load.payloadBytes });
      } catch (error) {
        meter.failed(error);
      }
    }
  };
  await Promise.all(Array.from({ length: load.inFlight }, (_, number) => putWhileOpen(number)));
  for (const connection of connections) connection.close();
  return meter.result({ early: false });
}
