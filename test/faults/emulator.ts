/** A store on GCS's emulator: each node reaches it through a fault proxy of its own. */

import { Emulator } from "../store/emulator/emulator.js";
import { FaultProxy } from "../store/fault-proxy.js";
import type { FaultStore } from "./stores.js";

const bucket = "faults";

export interface EmulatorStoreOptions {
  readonly nodes: readonly string[];
  /** The address of this machine at which nodes find their proxies. */
  readonly host: string;
  /** The command that runs the emulator's command. */
  readonly prefix: readonly string[];
}

export class EmulatorStore implements FaultStore {
  readonly name = "emulator";
  readonly description = "fake-gcs-server, behind a fault proxy for each node";
  readonly url: string;
  readonly disk = undefined;
  readonly #emulator: Emulator;
  readonly #proxies: ReadonlyMap<string, FaultProxy>;

  private constructor(emulator: Emulator, proxies: ReadonlyMap<string, FaultProxy>) {
    this.#emulator = emulator;
    this.#proxies = proxies;
    this.url = urlAt(emulator.endpoint);
  }

  static async open({ nodes, host, prefix }: EmulatorStoreOptions): Promise<EmulatorStore> {
    const emulator = await Emulator.startBy(prefix, [bucket]);
    const proxies = nodes.map(async (node) => {
      return [node, await FaultProxy.start(emulator.endpoint, 0, host)] as const;
    });
    return new EmulatorStore(emulator, new Map(await Promise.all(proxies)));
  }

  urlFor(nodeId: string): string {
    return urlAt(this.proxyOf(nodeId)?.endpoint ?? this.#emulator.endpoint);
  }

  proxyOf(nodeId: string): FaultProxy | undefined {
    return this.#proxies.get(nodeId);
  }

  async quiet(): Promise<void> {
    await Promise.all([...this.#proxies.values()].map((proxy) => proxy.quiet()));
  }

  async close(): Promise<void> {
    await Promise.all([...this.#proxies.values()].map((proxy) => proxy.close()));
    await this.#emulator.close();
  }
}

function urlAt(endpoint: string): string {
  return `gs://${bucket}/log?apiEndpoint=${endpoint}`;
}
