/**
 * A process's way to the store for whatever is no segment at the tail: each request has a deadline, and is
 * answered once, while the process runs.
 */

import type {
  CheckpointRef,
  LedgerOutcome,
  ManifestOutcome,
  ManifestView,
} from "../../../src/core/manifest.js";
import type { LedgerSnapshot } from "../../../src/core/ledger/snapshot.js";
import type { ManifestQuestion } from "../../../src/core/manifest-read.js";
import type { EventQueue } from "../event-queue.js";
import type { SimObjects } from "./objects.js";
import type { Parts } from "./parts.js";

export interface ProcessStoreOptions {
  readonly node: number;
  readonly objects: SimObjects;
  readonly parts: Parts;
  readonly queue: EventQueue;
  readonly deadlineMs: number;
  /** Does it as soon as the process runs; not at all if it has died. */
  readonly whenRunning: (action: () => void) => void;
}

export class ProcessStore {
  readonly #options: ProcessStoreOptions;

  constructor(options: ProcessStoreOptions) {
    this.#options = options;
  }

  /** One request: `done` gets its answer, or what stands for none. */
  within<T>(none: T, send: (answer: (result: T) => void) => void, done: (result: T) => void): void {
    const { queue, deadlineMs, whenRunning } = this.#options;
    let isOpen = true;
    const settle = (result: T): void => {
      if (!isOpen) return;
      isOpen = false;
      whenRunning(() => done(result));
    };
    // One who sleeps notices no deadline.
    queue.after(deadlineMs, () => whenRunning(() => settle(none)));
    send(settle);
  }

  /** `asked` is called as soon as a request is on its way. */
  readManifest(
    done: (outcome: ManifestOutcome) => void,
    asked?: (asking: "list" | "get") => void,
  ): void {
    const { node, objects, parts } = this.#options;
    const read = parts.manifestRead();
    let value: unknown;
    const goOn = (question: ManifestQuestion): void => {
      switch (question.type) {
        case "list": {
          const listing = { type: "manifest", startAt: question.startAt } as const;
          this.within(
            "unavailable" as const,
            (answer: Parameters<SimObjects["list"]>[2]) => objects.list(node, listing, answer),
            (page) => {
              if (page === "unavailable") return done({ type: page });
              const items = page.items.map(({ name, version }) => ({
                number: name.type === "manifest" ? name.number : 0,
                version,
              }));
              goOn(read.listed(items, page.more));
            },
          );
          return asked?.("list");
        }
        case "get": {
          const name = { type: "manifest", number: question.number } as const;
          this.within(
            "unavailable" as const,
            (answer: Parameters<SimObjects["get"]>[2]) => objects.get(node, name, answer),
            (got) => {
              if (got === "unavailable") return done({ type: got });
              value = got === "absent" ? undefined : got.value;
              goOn(read.got(got === "absent" ? undefined : got.version));
            },
          );
          return asked?.("get");
        }
        case "found":
          return done({ type: "found", manifest: value as ManifestView });
        case "none":
          return done({ type: "corrupt", reason: "there is no manifest any more" });
        case "givenUp":
          return done({ type: "unavailable" });
      }
    };
    goOn(read.begin());
  }

  readLedger({ ledger }: CheckpointRef, done: (outcome: LedgerOutcome) => void): void {
    const { node, objects } = this.#options;
    const name = { type: "checkpoint", id: ledger.id } as const;
    this.within(
      "unavailable" as const,
      (answer: Parameters<SimObjects["get"]>[2]) => objects.get(node, name, answer),
      (got) => {
        if (typeof got === "string") return done({ type: got });
        done({ type: "found", ledger: got.value as LedgerSnapshot });
      },
    );
  }
}
