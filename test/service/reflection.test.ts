import { once } from "node:events";
import { connect } from "node:http2";

import { Client, credentials } from "@grpc/grpc-js";
import { createFileRegistry, fromBinary, type FileRegistry } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema, FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { create } from "@bufbuild/protobuf";
import { expect } from "chai";

import { callBare } from "../rpc/bare-call.js";
import { grpcFrame } from "../rpc/http2-bytes.js";
import { encodeField, fieldsOf } from "./wire-fields.js";
import { startTestService, type TestService } from "./test-service.js";

/** ServerReflectionRequest's and ServerReflectionResponse's fields. */
const request = { fileByFilename: 3, fileContainingSymbol: 4, listServices: 7 } as const;
const response = { fileDescriptor: 4, services: 6, error: 7 } as const;

for (const version of ["v1", "v1alpha"]) {
  describe(`grpc.reflection.${version}.ServerReflection`, () => {
    let test: TestService;
    let client: Client;

    beforeEach(async () => {
      test = await startTestService();
      client = new Client(test.address, credentials.createInsecure());
    });

    afterEach(async () => {
      client.close();
      await test.stop();
      expect(test.defects).to.deep.equal([]);
    });

    async function ask(
      field: number,
      value: string,
    ): Promise<ReadonlyMap<number, readonly Buffer[]>> {
      const call = client.makeBidiStreamRequest<Buffer, Buffer>(
        `/grpc.reflection.${version}.ServerReflection/ServerReflectionInfo`,
        (bytes) => bytes,
        (bytes) => bytes,
      );
      call.write(encodeField(field, Buffer.from(value)));
      call.end();
      const [answer] = (await once(call, "data")) as Buffer[];
      await once(call, "end");
      return fieldsOf(answer ?? Buffer.alloc(0));
    }

    async function filesOf(field: number, value: string): Promise<FileRegistry> {
      const answer = await ask(field, value);
      const [files] = answer.get(response.fileDescriptor) ?? [];
      const protos = fieldsOf(files ?? Buffer.alloc(0)).get(1) ?? [];
      const file = protos.map((bytes) => fromBinary(FileDescriptorProtoSchema, bytes));
      return createFileRegistry(create(FileDescriptorSetSchema, { file: sorted(file) }));
    }

    it("ends a call whose second request cannot be read, the first being answered", async () => {
      const session = connect(`http://${test.address}`);
      const path = `/grpc.reflection.${version}.ServerReflection/ServerReflectionInfo`;
      const headers = { ":method": "POST", ":path": path, "content-type": "application/grpc" };
      const good = encodeField(request.listServices, Buffer.from("*"));
      const messages = [good, good, Buffer.from([0x0f])].map((message) => grpcFrame(message));
      const body = Buffer.concat(messages);
      const options = { body, ends: true, timeoutMs: 5_000 };
      const { givenUp, code, info } = await callBare(session, headers, options);
      session.destroy();
      expect({ givenUp, code, reason: info?.reason }).to.deep.equal({
        givenUp: false,
        code: 3,
        reason: "INVALID",
      });
    });

    it("lists what clients may call", async () => {
      const answer = await ask(request.listServices, "*");
      const [list] = answer.get(response.services) ?? [];
      const names = (fieldsOf(list ?? Buffer.alloc(0)).get(1) ?? []).map((service) =>
        String(fieldsOf(service).get(1)?.[0]),
      );
      expect(names).to.have.members([
        "suraft.v1.LogService",
        "suraft.v1.ClusterService",
        "suraft.v1.SnapshotService",
        "grpc.health.v1.Health",
      ]);
    });

    it("describes a service with all that it needs", async () => {
      const files = await filesOf(request.fileContainingSymbol, "suraft.v1.LogService");
      const service = files.getService("suraft.v1.LogService");
      expect(service?.methods.map(({ name }) => name)).to.deep.equal([
        "Append",
        "AppendSession",
        "OpenProducer",
        "GetOutcome",
        "Read",
        "Trim",
        "GetTail",
      ]);
      const index = files
        .getMessage("suraft.v1.AppendRequest")
        ?.fields.find(({ name }) => name === "expected_next_index");
      expect(index?.proto.proto3Optional).to.equal(true);
      const health = await filesOf(request.fileContainingSymbol, "grpc.health.v1.Health");
      expect(health.getService("grpc.health.v1.Health")?.methods).not.to.have.length(0);
    });

    it("describes messages, fields, enums and the details of errors", async () => {
      for (const symbol of [
        "suraft.v1.Entry",
        "suraft.v1.LogService.Read",
        "suraft.v1.Consistency",
        "google.rpc.ErrorInfo",
        "google.rpc.RetryInfo",
      ]) {
        const answer = await ask(request.fileContainingSymbol, symbol);
        expect([...answer.keys()], symbol).to.include(response.fileDescriptor);
      }
      const answer = await ask(request.fileByFilename, "suraft/v1/cluster.proto");
      expect([...answer.keys()]).to.include(response.fileDescriptor);
    });

    it("says so where it knows no such thing", async () => {
      const answer = await ask(request.fileContainingSymbol, "suraft.v1.Nothing");
      expect([...answer.keys()]).to.include(response.error);
    });
  });
}

/** A file behind those that it imports. */
function sorted<F extends { readonly name: string; readonly dependency: readonly string[] }>(
  files: readonly F[],
): F[] {
  const done: F[] = [];
  const add = (file: F): void => {
    if (done.includes(file)) {
      return;
    }
    for (const name of file.dependency) {
      const dependency = files.find((other) => other.name === name);
      if (dependency !== undefined) {
        add(dependency);
      }
    }
    done.push(file);
  };
  files.forEach(add);
  return done;
}
