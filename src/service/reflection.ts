/** Server reflection, v1 and v1alpha, so that grpcurl and buf curl need nothing but an address. */

import { ReflectionService } from "@grpc/reflection";
import type { DescFile } from "@bufbuild/protobuf";
import { toBinary } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";

import { file_google_rpc_error_details } from "../../gen/google/rpc/error_details_pb.js";
import { ClusterService } from "../../gen/suraft/v1/cluster_pb.js";
import { LogService } from "../../gen/suraft/v1/log_pb.js";
import { SnapshotService } from "../../gen/suraft/v1/snapshot_pb.js";
import type { ServiceRegistration } from "../rpc/server.js";
import { collectServices } from "./foreign-service.js";
import { healthFile } from "./health-descriptor.js";

const services = [LogService, ClusterService, SnapshotService];

const listed = [...services.map(({ typeName }) => typeName), "grpc.health.v1.Health"];

/** The reflection services over what clients may call. */
export function implementReflection(): readonly ServiceRegistration[] {
  const files = new Map<string, Buffer>();
  // Error details are named by type in the trailers of failed calls.
  for (const file of [...services.map((one) => one.file), file_google_rpc_error_details]) {
    addFile(files, file);
  }
  const protos = [...files.values(), healthFile];
  // Of what proto-loader would give, reflection looks only at the files.
  const description = {
    format: "Protocol Buffer 3 EnumDescriptorProto" as const,
    type: {},
    fileDescriptorProtos: protos,
  };
  const reflection = new ReflectionService({ suraft: description }, { services: listed });
  return collectServices((collector) => reflection.addToServer(collector));
}

/** A file and all that it imports. */
function addFile(files: Map<string, Buffer>, file: DescFile): void {
  if (!files.has(file.proto.name)) {
    files.set(file.proto.name, Buffer.from(toBinary(FileDescriptorProtoSchema, file.proto)));
    for (const dependency of file.dependencies) {
      addFile(files, dependency);
    }
  }
}
