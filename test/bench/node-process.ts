/** One node of a cluster under load, and what its process knows of itself. */

import { mkdirSync, writeFileSync } from "node:fs";
import { Session } from "node:inspector/promises";
import { dirname } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { collectGarbageLessOften } from "../../src/cli/garbage-collection.js";
import { openStore } from "../../src/store/open-store.js";
import { startBenchNode } from "./bench-node.js";
import { answerParent } from "./child.js";
import { writeLongLog, type LongLogOptions } from "./long-log.js";

/** What a node's process is asked. */
export type NodeQuestion =
  | {
      readonly type: "start";
      readonly config: Readonly<Record<string, unknown>>;
      /** Written into the store before: one in memory, which only this process has. */
      readonly log: LongLogOptions | undefined;
    }
  /** From now on. With a file: a CPU profile too, written there by `endProfile`. */
  | { readonly type: "reset"; readonly profile: string | undefined }
  | { readonly type: "measure" }
  | { readonly type: "endProfile" };

/** What the process used since the last `reset`. */
export interface ProcessUse {
  readonly cpuMs: number;
  readonly rssMiB: number;
  /** The greatest since the process began. */
  readonly rssMaxMiB: number;
  readonly heapMiB: number;
  readonly buffersMiB: number;
  /** How late the event loop was, beyond what was asked for. */
  readonly delayP99Ms: number;
  readonly delayMaxMs: number;
}

const MIB = 1024 ** 2;
const resolutionMs = 5;
const delays = monitorEventLoopDelay({ resolution: resolutionMs });
let cpuBefore = process.cpuUsage();
let profile: { readonly session: Session; readonly file: string } | undefined;

async function start(given: Readonly<Record<string, unknown>>): Promise<void> {
  collectGarbageLessOften();
  const { failed } = await startBenchNode(given);
  failed.catch((error: unknown) => {
    console.error(error);
    process.exit(1);
  });
  delays.enable();
}

async function reset(file: string | undefined): Promise<void> {
  if (file !== undefined) {
    const session = new Session();
    session.connect();
    await session.post("Profiler.enable");
    await session.post("Profiler.start");
    profile = { session, file };
  }
  delays.reset();
  cpuBefore = process.cpuUsage();
}

function measure(): ProcessUse {
  const cpu = process.cpuUsage(cpuBefore);
  const memory = process.memoryUsage();
  return {
    cpuMs: (cpu.user + cpu.system) / 1000,
    rssMiB: memory.rss / MIB,
    rssMaxMiB: process.resourceUsage().maxRSS / 1024,
    heapMiB: memory.heapUsed / MIB,
    buffersMiB: memory.arrayBuffers / MIB,
    delayP99Ms: Math.max(0, delays.percentile(99) / 1e6 - resolutionMs),
    delayMaxMs: Math.max(0, delays.max / 1e6 - resolutionMs),
  };
}

async function endProfile(): Promise<void> {
  if (profile === undefined) return;
  const result = await profile.session.post("Profiler.stop");
  mkdirSync(dirname(profile.file), { recursive: true });
  writeFileSync(profile.file, JSON.stringify(result.profile));
  profile.session.disconnect();
  profile = undefined;
}

answerParent(async (question) => {
  const asked = question as NodeQuestion;
  switch (asked.type) {
    case "start":
      if (asked.log !== undefined) {
        // By the same store without latency.
        const [url = ""] = String(asked.config["store"]).split("?");
        await writeLongLog(openStore(url), asked.log);
      }
      return await start(asked.config);
    case "reset":
      return await reset(asked.profile);
    case "measure":
      return measure();
    case "endProfile":
      return await endProfile();
  }
});
