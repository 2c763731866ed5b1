/**
 * A call that sends many requests and gets one answer.
 *
 * Invariant: no more is sent ahead than the transport takes; once the call is over no more is taken.
 */

import type { ClientWritableStream, ServiceError } from "@grpc/grpc-js";

/** Begins the call; `answered` hears how it ended. */
export type BeginClientStream = (
  answered: (error: ServiceError | null, response?: unknown) => void,
) => ClientWritableStream<unknown>;

/** What was to be sent cannot be had; the cause says why. */
export class SourceFailure extends Error {
  constructor(cause: unknown) {
    super("the requests cannot be had", { cause });
  }
}

/**
 * Sends what there is; resolves to the answer. Rejects with a {@link SourceFailure}, the call being
 * cancelled, or with grpc-js's error.
 */
export async function sendAll(
  begin: BeginClientStream,
  requests: AsyncIterable<unknown>,
): Promise<unknown> {
  const { promise: answer, resolve, reject } = withResolvers();
  const call = begin((error, response) => {
    if (error === null) resolve(response);
    else reject(error);
  });
  call.on("error", () => undefined);
  const over = answer.then(
    () => "over" as const,
    () => "over" as const,
  );
  const source = requests[Symbol.asyncIterator]();
  for (;;) {
    const next = await Promise.race([taken(source, call), over]);
    if (next === "over") {
      // It may be in the midst of waiting for what never comes.
      source.return?.().catch(() => undefined);
      return await answer;
    }
    if (next.done === true) break;
    if (!call.write(next.value)) await Promise.race([drained(call), over]);
  }
  call.end();
  return await answer;
}

async function taken(
  source: AsyncIterator<unknown>,
  call: ClientWritableStream<unknown>,
): Promise<IteratorResult<unknown, unknown>> {
  try {
    return await source.next();
  } catch (error) {
    call.cancel();
    throw new SourceFailure(error);
  }
}

function drained(call: ClientWritableStream<unknown>): Promise<void> {
  return new Promise((resolve) => call.once("drain", resolve));
}

interface Resolvers {
  readonly promise: Promise<unknown>;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

function withResolvers(): Resolvers {
  let resolve: (value: unknown) => void = () => undefined;
  let reject: (error: unknown) => void = () => undefined;
  const promise = new Promise<unknown>((onResolve, onReject) => {
    resolve = onResolve;
    reject = onReject;
  });
  return { promise, resolve, reject };
}
