/**
 * Trims the log by its node's retention policy, while the node leads: a step at a time, no more often
 * than the interval.
 */

import type { Logger } from "winston";
import { reasonText } from "../store/abort.js";
import { controlAppend } from "./control-append.js";
import { isRetaining, retainedFrom } from "./retention.js";
import type { SegmentLog } from "../log/segment-log.js";
import type { Node } from "./node.js";
import type { RetainedLog, RetentionPolicy } from "./retention.js";

export interface RetainerOptions {
  readonly policy: RetentionPolicy;
  readonly intervalMs: number;
  readonly log: SegmentLog;
  readonly leads: () => boolean;
  /** Entries from this index on are kept in any case. Asked only where something is to be trimmed. */
  readonly keptFrom: () => Promise<number>;
  readonly node: Pick<Node, "openAppender">;
  readonly logger: Logger;
}

export class Retainer {
  readonly #options: RetainerOptions;
  readonly #timer: NodeJS.Timeout | undefined;
  #trimming = false;

  constructor(options: RetainerOptions) {
    this.#options = options;
    if (isRetaining(options.policy)) {
      this.#timer = setInterval(() => this.#look(), options.intervalMs);
    }
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    const { policy, log, leads, keptFrom, logger } = this.#options;
    if (this.#trimming || !leads()) return;
    const { history, walk: tail } = log;
    const held: RetainedLog = { tail, lastPlace: (holds) => history.lastPlace(holds) };
    const surplus = retainedFrom(policy, held, Date.now());
    if (surplus === undefined || surplus <= log.firstIndex) return;
    this.#trimming = true;
    keptFrom().then(
      (kept) => {
        const firstIndex = Math.min(surplus, kept);
        this.#trimming = false;
        if (firstIndex > log.firstIndex && leads()) this.#trim(firstIndex);
      },
      (error: unknown) => {
        this.#trimming = false;
        logger.warn(`retention: nothing was trimmed yet: ${reasonText(error)}`);
      },
    );
  }

  #trim(firstIndex: number): void {
    const { node, logger } = this.#options;
    this.#trimming = true;
    const ended = (level: string, message: string): void => {
      this.#trimming = false;
      logger.log(level, `retention: ${message}`);
    };
    const listener = {
      acknowledged: () => ended("info", `entries before index ${firstIndex} were trimmed`),
      failed: ({ message }: Error) => ended("warn", `nothing was trimmed yet: ${message}`),
    };
    const appender = node.openAppender(listener, { forwarded: false, single: true });
    appender.append(controlAppend({ type: "trim", firstIndex }));
  }
}
