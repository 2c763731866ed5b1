/** An append with what is known of its way and its fate. */

import type { AppendOptions, EntryKey } from "../core/types.js";
import type { SuraftError } from "../errors.js";
import type { ScannedAppend } from "../log/append-scan.js";
import type { EntryRun } from "../log/entry-run.js";
import type { EntryAppend } from "../log/segment-codec.js";
import type { Acknowledged } from "./node.js";
import type { RoutedAppender } from "./routed-appender.js";

export class RoutedAppend implements EntryAppend {
  readonly run: EntryRun;
  readonly entryCount: number;
  readonly sizeBytes: number;
  declare readonly keys?: readonly EntryKey[];
  declare readonly options?: AppendOptions;
  /** The client's stream, in which nothing is begun after a failure; absent from a single append. */
  declare readonly stream?: RoutedAppender;
  /** What is handed on to a leader. */
  readonly message: Uint8Array;
  readonly owner: RoutedAppender;
  /** When it fails for want of a leader, by the monotonic clock in milliseconds. */
  readonly expiresAtMs: number;
  /**
   * Queued in the router; under way to a leader; or neither: it came back, waits behind one that
   * did, or has its fate.
   */
  place: "queued" | "underWay" | "waiting" = "waiting";
  /** Certainly not in the log, and why; it may be sent again. */
  returned: SuraftError | undefined = undefined;
  /** It stands in the log, and waits for the answers to those before it. */
  acknowledged: Acknowledged | undefined = undefined;
  /** Its fate, once it failed for good. */
  failure: SuraftError | undefined = undefined;

  constructor(owner: RoutedAppender, append: ScannedAppend, expiresAtMs: number) {
    const { run, options, message } = append;
    this.run = run;
    this.entryCount = run.entryCount;
    this.sizeBytes = message.length;
    if (run.keys !== undefined) this.keys = run.keys;
    if (options !== undefined) this.options = options;
    if (!owner.single) this.stream = owner;
    this.message = message;
    this.owner = owner;
    this.expiresAtMs = expiresAtMs;
  }
}
