/**
 * A store whose requests take longer, as they would to a bucket far away: for benchmarks.
 *
 * Half of the time passes before the request takes effect and half after it.
 */

import { pause, reasonText } from "./abort.js";
import { StoreError } from "./store.js";
import type {
  ByteRange,
  CreateResult,
  DeleteResult,
  GetResult,
  ListOptions,
  ListResult,
  RequestOptions,
  Store,
} from "./store.js";
import type { Latency } from "./store-url.js";

/** The standard normal distribution's 99th percentile. */
const z99 = 2.3263;

export class LatencyStore implements Store {
  readonly url: string;
  readonly #store: Store;
  readonly #latency: Latency;
  readonly #random: () => number;

  /** `random` is uniform in [0, 1). */
  constructor(store: Store, latency: Latency, random: () => number = Math.random) {
    this.url = store.url;
    this.#store = store;
    this.#latency = latency;
    this.#random = random;
  }

  async create(name: string, bytes: Uint8Array, options: RequestOptions): Promise<CreateResult> {
    const half = this.#drawMs() / 2;
    await pause(half, options.signal);
    if (options.signal.aborted) {
      return { type: "refused", cause: reasonText(options.signal.reason) };
    }
    const result = await this.#store.create(name, bytes, options);
    await pause(half, options.signal);
    // What the store answered, nobody heard in time.
    if (!options.signal.aborted || result.type === "refused") return result;
    return { type: "unknown", cause: reasonText(options.signal.reason) };
  }

  get(name: string, options: RequestOptions & { readonly range?: ByteRange }): Promise<GetResult> {
    return this.#read(options, () => this.#store.get(name, options));
  }

  list(options: ListOptions): Promise<ListResult> {
    return this.#read(options, () => this.#store.list(options));
  }

  async delete(name: string, options: RequestOptions): Promise<DeleteResult> {
    const half = this.#drawMs() / 2;
    await pause(half, options.signal);
    const result = await this.#store.delete(name, options);
    await pause(half, options.signal);
    if (!options.signal.aborted) return result;
    return { type: "unknown", cause: reasonText(options.signal.reason) };
  }

  close(): Promise<void> {
    return this.#store.close();
  }

  async #read<T>(options: RequestOptions, run: () => Promise<T>): Promise<T> {
    const half = this.#drawMs() / 2;
    await pause(half, options.signal);
    const result = await run();
    await pause(half, options.signal);
    if (!options.signal.aborted) return result;
    throw new StoreError("unavailable", `${this.url}: ${reasonText(options.signal.reason)}`);
  }

  #drawMs(): number {
    return drawLatencyMs(this.#latency, this.#random);
  }
}

/** A duration, log-normal with the median and 99th percentile asked for. */
export function drawLatencyMs({ medianMs, p99Ms }: Latency, random: () => number): number {
  if (p99Ms === medianMs) return medianMs;
  // The logarithm is normal, drawn by Box and Muller's method.
  const radius = Math.sqrt(-2 * Math.log(1 - random()));
  const normal = radius * Math.cos(2 * Math.PI * random());
  return medianMs * Math.exp((Math.log(p99Ms / medianMs) / z99) * normal);
}
