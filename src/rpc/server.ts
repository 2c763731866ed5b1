/**
 * A gRPC server: binds, gives each call to its handler, stops in bounded time.
 *
 * Invariant: every error that a handler's call ends with carries details.
 * Invariant: after `stop` resolves nothing of the server is open, and no call was dropped in silence.
 */

import {
  logVerbosity,
  Server,
  ServerCredentials,
  ServerInterceptingCall,
  setLogVerbosity,
  type ServerInterceptingCallInterface,
  type ServiceDefinition,
  type UntypedServiceImplementation,
} from "@grpc/grpc-js";
import type { GenServiceMethods } from "@bufbuild/protobuf/codegenv2";

import { SuraftError } from "../errors.js";
import { Admission } from "./admission.js";
import { flowControlWindowBytesDefault, widenConnectionWindow } from "./connection-window.js";
import type { Admittances, Handlers } from "./handlers.js";
import { routesOf, type Route } from "./routes.js";
import { ServerCall } from "./server-call.js";
import { grpcDefinition, type RawMethods, type Service } from "./service-definition.js";
import { toStatusObject } from "./status.js";
import { explainTransportStatus, type TransportStatus } from "./transport-status.js";

/** A service ready to be served. */
export interface ServiceRegistration {
  readonly definition: ServiceDefinition;
  /** By path. A method without a route is answered by `implementation`. */
  readonly routes: ReadonlyMap<string, Route>;
  /** Handlers made for grpc-js by others. */
  readonly implementation: UntypedServiceImplementation;
}

/** Joins a service and its handlers. */
export function implementService<M extends GenServiceMethods, R extends RawMethods<M>>(
  service: Service<M, R>,
  handlers: Handlers<M, R>,
  admittances: Admittances<M> = {},
): ServiceRegistration {
  return {
    definition: grpcDefinition(service),
    routes: routesOf(service, handlers, admittances),
    implementation: {},
  };
}

export interface ServerOptions {
  /** `host:port`; port 0 takes a free one. */
  readonly address: string;
  readonly services: readonly ServiceRegistration[];
  /** Hears of exceptions that handlers should not have let through. */
  readonly onDefect: (error: unknown, path: string) => void;
  /** The greatest message that is received, in bytes. */
  readonly messageBytesMax?: number;
  /** How much a client may send ahead, for each stream and, together, for each connection. */
  readonly flowControlWindowBytes?: number;
}

/** Above every limit on appends, so that their own refusals, which name things, come first. */
export const messageBytesMaxDefault = 16 * 1024 * 1024;

/** How long the last answers have to leave after the server has given up waiting. */
const flushMs = 250;

export interface RunningServer {
  readonly port: number;
  /**
   * Refuses new calls, tells those under way to finish, waits at most `graceMs`, then ends what is
   * left. A second call joins the first.
   */
  stop(options: { readonly graceMs: number }): Promise<void>;
}

/**
 * Starts to serve. Rejects with a SuraftError of kind `invalid` that names the address where it
 * cannot be bound.
 */
export async function startGrpcServer(options: ServerOptions): Promise<RunningServer> {
  quietGrpc();
  const calls = new Calls(options);
  const server = new Server({
    "grpc.max_receive_message_length": options.messageBytesMax ?? messageBytesMaxDefault,
    "grpc.max_send_message_length": -1,
    "grpc-node.flow_control_window": calls.windowBytes,
    "grpc.keepalive_time_ms": 60_000,
    "grpc.keepalive_timeout_ms": 20_000,
    "grpc.enable_channelz": 0,
    interceptors: [(method, call) => calls.begin(method.path, call)],
  });
  for (const service of options.services) {
    server.addService(service.definition, service.implementation);
  }
  const port = await bind(server, options.address);
  let stopped: Promise<void> | undefined;
  return {
    port,
    stop: ({ graceMs }) => (stopped ??= stop(server, calls, graceMs)),
  };
}

/** grpc-js writes to stderr by itself; unless asked to, it shall not. */
function quietGrpc(): void {
  if (process.env["GRPC_VERBOSITY"] === undefined) {
    setLogVerbosity(logVerbosity.NONE);
  }
}

function bind(server: Server, address: string): Promise<number> {
  return new Promise((resolve, reject) => {
    try {
      server.bindAsync(address, ServerCredentials.createInsecure(), (error, port) => {
        if (error === null) {
          resolve(port);
        } else {
          server.forceShutdown();
          reject(bindError(address, error));
        }
      });
    } catch (error) {
      reject(bindError(address, error));
    }
  });
}

function bindError(address: string, error: unknown): SuraftError {
  const cause = error instanceof Error ? error.message : String(error);
  const reasons: readonly (readonly [RegExp, string])[] = [
    [/EADDRINUSE/, "another process uses this port"],
    [/EACCES/, "this user may not use this port"],
    [/EADDRNOTAVAIL/, "this machine has no such address"],
    [/ENOTFOUND|Name resolution/, "the host name is unknown"],
  ];
  const reason = reasons.find(([pattern]) => pattern.test(cause))?.[1] ?? cause;
  return new SuraftError("invalid", `cannot serve on ${address}: ${reason}`, {
    details: { address },
    cause: error,
  });
}

async function stop(server: Server, calls: Calls, graceMs: number): Promise<void> {
  const drained = new Promise<void>((resolve) => server.tryShutdown(() => resolve()));
  calls.stop();
  if (!(await settlesWithin(drained, graceMs))) {
    calls.abandon();
    await settlesWithin(drained, flushMs);
  }
  server.forceShutdown();
}

async function settlesWithin(promise: Promise<void>, timeoutMs: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), timeoutMs);
  });
  const settled = await Promise.race([promise.then(() => true), timeout]);
  clearTimeout(timer);
  return settled;
}

/** The calls under way. */
class Calls {
  readonly windowBytes: number;
  readonly #routes = new Map<string, Route>();
  readonly #onDefect: (error: unknown, path: string) => void;
  readonly #calls = new Set<ServerCall>();
  readonly #admission = new Admission();
  readonly #foreign = new Set<(status: TransportStatus) => void>();
  #stopping: SuraftError | undefined;

  constructor(options: ServerOptions) {
    this.windowBytes = options.flowControlWindowBytes ?? flowControlWindowBytesDefault;
    this.#onDefect = options.onDefect;
    for (const { routes } of options.services) {
      for (const [path, route] of routes) {
        this.#routes.set(path, route);
      }
    }
  }

  begin(path: string, base: ServerInterceptingCallInterface): ServerInterceptingCall {
    widenConnectionWindow(base, this.windowBytes);
    if (this.#stopping !== undefined) {
      base.sendStatus(toStatusObject(this.#stopping));
      return new ServerInterceptingCall(base, { start: () => {} });
    }
    const route = this.#routes.get(path);
    return route === undefined ? this.#beginForeign(base) : this.#beginOwn(path, route, base);
  }

  #beginOwn(
    path: string,
    route: Route,
    base: ServerInterceptingCallInterface,
  ): ServerInterceptingCall {
    const call = new ServerCall(base, {
      path,
      defect: (error) => this.#onDefect(error, path),
      closed: () => this.#calls.delete(call),
    });
    this.#calls.add(call);
    return new ServerInterceptingCall(base, {
      start: () => {
        const { begin, admittance } = route;
        if (admittance === undefined) return begin(call);
        call.pause();
        begin(call);
        this.#admission.admit(call, admittance);
      },
    });
  }

  /** A call that others handle by grpc-js's own streams. */
  #beginForeign(base: ServerInterceptingCallInterface): ServerInterceptingCall {
    const send = base.sendStatus.bind(base);
    const write = base.sendMessage.bind(base);
    let ended = false;
    const end = (status: TransportStatus) => {
      if (ended) return;
      ended = true;
      this.#foreign.delete(end);
      const error = explainTransportStatus(status);
      send(error === undefined ? status : toStatusObject(error));
    };
    base.sendStatus = end;
    // What a handler writes behind the end would leave the stream open for ever.
    base.sendMessage = (message, callback) => (ended ? callback() : write(message, callback));
    this.#foreign.add(end);
    return new ServerInterceptingCall(base, {
      start: (next) => next({ onCancel: () => this.#foreign.delete(end) }),
    });
  }

  stop(): void {
    const error = new SuraftError("unavailable", "the server is stopping");
    this.#stopping = error;
    for (const call of this.#calls) {
      call.stop(error);
    }
    for (const end of this.#foreign) {
      end(toStatusObject(error));
    }
  }

  abandon(): void {
    const error = new SuraftError("unavailable", "the server stopped before the call was finished");
    for (const call of this.#calls) {
      call.abandon(error);
    }
  }
}
