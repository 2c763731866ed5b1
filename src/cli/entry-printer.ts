/** Prints the entries that a read delivers, in the read's order. */

import { formatEntry, type EntryFormatOptions } from "./entry-format.js";
import { write } from "./output.js";
import type { ReadBatch } from "../client/types.js";

/** Output is gathered to about this many bytes before it is written. */
const CHUNK_BYTES = 64 * 1024;

/** Gathers entries into chunks and writes them as fast as they are taken. */
export class EntryPrinter {
  readonly #format: EntryFormatOptions;
  readonly #untilMs: number | undefined;
  #chunks: Uint8Array[] = [];
  #bytes = 0;

  /** Prints nothing from the first entry of the time `untilMs` or later on. */
  constructor(format: EntryFormatOptions, untilMs: number | undefined) {
    this.#format = format;
    this.#untilMs = untilMs;
  }

  /** False once nothing more is to be printed. */
  async print(batch: ReadBatch): Promise<boolean> {
    const { term, timestampMs, step } = batch;
    if (this.#untilMs !== undefined && timestampMs >= this.#untilMs) {
      await this.flush();
      return false;
    }
    let index = batch.firstIndex;
    for (const { payload, headers, key } of batch.entries) {
      const bytes = formatEntry({ index, term, timestampMs, payload, headers, key }, this.#format);
      this.#chunks.push(bytes);
      this.#bytes += bytes.length;
      index += step;
      if (this.#bytes >= CHUNK_BYTES) {
        await this.flush();
      }
    }
    return true;
  }

  async flush(): Promise<void> {
    const whole = Buffer.concat(this.#chunks);
    this.#chunks = [];
    this.#bytes = 0;
    await write(whole);
  }
}
