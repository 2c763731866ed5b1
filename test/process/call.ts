/** Calls of one node without a client's second tries: each answer is the node's own. */

import { LogService } from "../../gen/suraft/v1/log_pb.js";
import { SuraftError } from "../../src/errors.js";
import { openConnection, serviceClient, type ServiceClient } from "../../src/rpc/client.js";
import { defineService } from "../../src/rpc/service-definition.js";

const logService = defineService(LogService, {});

export type LogCalls = ServiceClient<typeof LogService.method, typeof logService.raw>;

/** Runs with the calls of the node at an address. */
export async function calling<T>(address: string, run: (log: LogCalls) => Promise<T>): Promise<T> {
  const connection = openConnection(address);
  try {
    return await run(serviceClient(logService, connection));
  } finally {
    connection.close();
  }
}

/** The error that the promise rejects with. Rejects if it is none of suraft's, or there is none. */
export async function failureOf(promise: Promise<unknown>): Promise<SuraftError> {
  let answer: unknown;
  try {
    answer = await promise;
  } catch (error) {
    if (error instanceof SuraftError) return error;
    throw error;
  }
  throw new Error(`it succeeded: ${String(answer)}`);
}
