/**
 * Trims the log by its node's retention policy, while the node leads: a step at a time, no more often
 * than the interval.
 */

import type { Logger } from "winston";
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
    const { policy, log, leads } = this.#options;
    if (this.#trimming || !leads()) return;
    const { history, walk: tail } = log;
    const held: RetainedLog = { tail, lastPlace: (holds) => history.lastPlace(holds) };
    const firstIndex = retainedFrom(policy, held, Date.now());
    if (firstIndex === undefined || firstIndex <= log.firstIndex) return;
    this.#trim(firstIndex);
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
