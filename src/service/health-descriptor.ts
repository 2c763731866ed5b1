/**
 * The file grpc/health/v1/health.proto as reflection must tell it. grpc-health-check has it from
 * proto-loader, which describes its map in a way that grpcurl and buf refuse.
 */

import { create, toBinary, type MessageInitShape } from "@bufbuild/protobuf";
import {
  FieldDescriptorProto_Label,
  FieldDescriptorProto_Type,
  FileDescriptorProtoSchema,
  type FieldDescriptorProtoSchema,
} from "@bufbuild/protobuf/wkt";

type Field = MessageInitShape<typeof FieldDescriptorProtoSchema>;

const response = ".grpc.health.v1.HealthCheckResponse";
const servingStatus = `${response}.ServingStatus`;
const statusesEntry = ".grpc.health.v1.HealthListResponse.StatusesEntry";

const file = create(FileDescriptorProtoSchema, {
  name: "grpc/health/v1/health.proto",
  package: "grpc.health.v1",
  syntax: "proto3",
  messageType: [
    { name: "HealthListRequest" },
    {
      name: "HealthListResponse",
      field: [
        { ...message("statuses", 1, statusesEntry), label: FieldDescriptorProto_Label.REPEATED },
      ],
      nestedType: [
        {
          name: "StatusesEntry",
          field: [text("key", 1), message("value", 2, response)],
          options: { mapEntry: true },
        },
      ],
    },
    { name: "HealthCheckRequest", field: [text("service", 1)] },
    {
      name: "HealthCheckResponse",
      field: [
        { ...field("status", 1), type: FieldDescriptorProto_Type.ENUM, typeName: servingStatus },
      ],
      enumType: [
        {
          name: "ServingStatus",
          value: ["UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN"].map((name, number) => ({
            name,
            number,
          })),
        },
      ],
    },
  ],
  service: [
    {
      name: "Health",
      method: [
        { name: "Check", inputType: ".grpc.health.v1.HealthCheckRequest", outputType: response },
        {
          name: "Watch",
          inputType: ".grpc.health.v1.HealthCheckRequest",
          outputType: response,
          serverStreaming: true,
        },
        {
          name: "List",
          inputType: ".grpc.health.v1.HealthListRequest",
          outputType: ".grpc.health.v1.HealthListResponse",
        },
      ],
    },
  ],
});

/** The encoded FileDescriptorProto. */
export const healthFile: Buffer = Buffer.from(toBinary(FileDescriptorProtoSchema, file));

function field(name: string, number: number): Field {
  return { name, jsonName: name, number, label: FieldDescriptorProto_Label.OPTIONAL };
}

function text(name: string, number: number): Field {
  return { ...field(name, number), type: FieldDescriptorProto_Type.STRING };
}

function message(name: string, number: number, typeName: string): Field {
  return { ...field(name, number), type: FieldDescriptorProto_Type.MESSAGE, typeName };
}
