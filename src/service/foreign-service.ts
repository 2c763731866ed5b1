/** Takes in services that others wrote for grpc-js's `Server.addService`. */

import type { ServiceDefinition, UntypedServiceImplementation } from "@grpc/grpc-js";

import type { ServiceRegistration } from "../rpc/server.js";

/** Where such a service registers itself: all that it uses of a Server. */
export interface ServiceCollector {
  readonly addService: (
    definition: ServiceDefinition,
    implementation: UntypedServiceImplementation,
  ) => void;
}

/** The registrations that a service makes. */
export function collectServices(
  register: (collector: ServiceCollector) => void,
): readonly ServiceRegistration[] {
  const registrations: ServiceRegistration[] = [];
  register({
    addService: (definition, implementation) => {
      registrations.push({ definition, routes: new Map(), implementation });
    },
  });
  return registrations;
}
