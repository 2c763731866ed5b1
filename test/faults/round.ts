/** One round: a new cluster on a new store, faults for some time, then the verdict. */

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Violation } from "../sim/violation.js";
import { Campaign } from "./campaign.js";
import { Clients } from "./clients.js";
import { Clocks, findFaketime } from "./clock.js";
import { FaultCluster } from "./cluster.js";
import { DirectoryStore } from "./directory.js";
import { EmulatorStore } from "./emulator.js";
import { Field, possibleKinds } from "./field.js";
import { tiedPrefix } from "./machine.js";
import { NamespaceNetwork } from "./namespaces.js";
import type { Network } from "./network.js";
import { faultKindNames, makePlan, type FaultKind } from "./plan.js";
import { ProxyNetwork } from "./proxies.js";
import { Recorder, type Counts } from "./recorder.js";
import type { FaultStore, StoreName } from "./stores.js";
import type { Tamper } from "./tamper.js";
import { conclude, judge, liveMsMax } from "./verdict.js";

export type NetworkName = "auto" | "namespaces" | "proxies";

export interface RoundOptions {
  readonly seed: number;
  readonly durationMs: number;
  readonly nodeCount: number;
  readonly storeName: StoreName;
  readonly networkName: NetworkName;
  /** Only these, where they can be done; all that can be if undefined. */
  readonly kinds: readonly FaultKind[] | undefined;
  /** Files go here; the history is `history.jsonl`. */
  readonly directory: string;
  readonly signal: AbortSignal;
  /** Tells what the round stands on, and what cannot be done. */
  readonly say: (line: string) => void;
  /** Hears of the round as it goes. */
  readonly onProgress?: (progress: RoundProgress) => void;
  /** Done to the store and the history while no node runs: the judges must find it. */
  readonly tamper?: Tamper;
}

export interface RoundProgress {
  readonly elapsedMs: number;
  readonly durationMs: number;
  readonly counts: Readonly<Counts>;
  /** Faults that last. */
  readonly lasting: readonly string[];
}

export interface RoundResult {
  readonly counts: Readonly<Counts>;
  readonly faults: ReadonlyMap<FaultKind, number>;
  /** Claims that count. */
  readonly elections: number;
  readonly segments: number;
  readonly voids: number;
  readonly crashes: number;
  readonly longestGapMs: number;
  readonly totalGapMs: number;
  readonly triedMs: number;
  readonly violations: readonly Violation[];
  readonly history: string;
}

const progressEveryMs = 1000;

/** Runs a round to its verdict. Rejects if it cannot be done here, or if the signal says so. */
export async function runRound(options: RoundOptions): Promise<RoundResult> {
  const { directory, nodeCount, say } = options;
  const nodes = Array.from({ length: nodeCount }, (_, place) => `n${place + 1}`);
  const logDirectory = join(directory, "logs");
  mkdirSync(logDirectory, { recursive: true });
  const closings: (() => Promise<void> | void)[] = [];
  try {
    const prefix = tiedPrefix();
    const network = await openNetwork(options, nodes);
    closings.push(() => network.close());
    const host = network.storeHost;
    const store =
      options.storeName === "directory"
        ? new DirectoryStore(directory)
        : await EmulatorStore.open({ nodes, host, prefix });
    closings.push(() => store.close());
    const clocks = openClocks(options, directory, nodes);
    const recorder = new Recorder(join(directory, "history.jsonl"));
    closings.push(() => recorder.close());
    recorder.run(options.seed, nodes);
    say(`store: ${store.description}; network: ${network.description}`);
    const place = { nodes, network, store, clocks };
    const cluster = new FaultCluster({ ...place, prefix, recorder, logDirectory });
    closings.push(() => cluster.close());
    const { seed } = options;
    const field = new Field({ cluster, network, store, clocks, seed });
    const possible = possibleKinds(network, store, clocks !== undefined);
    return await fight(options, { cluster, field, recorder, store, possible });
  } finally {
    for (const close of closings.toReversed()) await close();
  }
}

interface Battle {
  readonly cluster: FaultCluster;
  readonly field: Field;
  readonly recorder: Recorder;
  readonly store: FaultStore;
  readonly possible: ReadonlySet<FaultKind>;
}

async function fight(options: RoundOptions, battle: Battle): Promise<RoundResult> {
  const { seed, durationMs, signal, tamper } = options;
  const { cluster, field, recorder, store, possible } = battle;
  const wanted = options.kinds ?? faultKindNames;
  const kinds = wanted.filter((kind) => possible.has(kind));
  const missing = wanted.filter((kind) => !possible.has(kind));
  if (missing.length > 0) options.say(`not to be had here: ${missing.join(", ")}`);
  if (kinds.length === 0 && missing.length > 0) throw new Error("no fault can be done here");
  const plan = makePlan({ seed, durationMs, kinds });
  cluster.startAll();
  await cluster.agreement(liveMsMax);
  const clients = new Clients({ cluster, recorder, seed });
  const campaign = new Campaign(field, recorder);
  const beganMs = performance.now();
  clients.start();
  const watching = watch(options, beganMs, { campaign, recorder });
  try {
    await campaign.run(plan, durationMs, signal);
  } catch (error) {
    await clients.stop().catch(() => undefined);
    throw error;
  } finally {
    clearInterval(watching);
    await campaign.heal();
  }
  options.say(`faults are over: the cluster has ${liveMsMax / 1000} s to come back`);
  const triedMs = performance.now() - beganMs;
  const walk = await conclude({ cluster, clients, store, recorder, tamper });
  recorder.close();
  signal.throwIfAborted();
  const { counts, availability, path } = recorder;
  return {
    counts,
    faults: campaign.counts,
    elections: walk.claims,
    segments: walk.segments,
    voids: walk.voids,
    crashes: cluster.crashCount,
    longestGapMs: availability.longestMs,
    totalGapMs: availability.totalMs,
    triedMs,
    violations: judge(path),
    history: path,
  };
}

function watch(
  { onProgress, durationMs }: RoundOptions,
  beganMs: number,
  { campaign, recorder }: { readonly campaign: Campaign; readonly recorder: Recorder },
): NodeJS.Timeout {
  return setInterval(() => {
    const elapsedMs = performance.now() - beganMs;
    onProgress?.({
      elapsedMs,
      durationMs,
      counts: recorder.counts,
      lasting: [...campaign.lasting],
    });
  }, progressEveryMs);
}

async function openNetwork(options: RoundOptions, nodes: readonly string[]): Promise<Network> {
  if (options.networkName === "proxies") return await ProxyNetwork.open(nodes);
  try {
    return new NamespaceNetwork(nodes);
  } catch (error) {
    if (options.networkName === "namespaces") throw error;
    const reason = error instanceof Error ? error.message.split("\n").slice(0, 2).join(" ") : "";
    options.say(`no network namespaces here: ${reason}`);
    return await ProxyNetwork.open(nodes);
  }
}

function openClocks(
  { kinds, say }: RoundOptions,
  directory: string,
  nodes: readonly string[],
): Clocks | undefined {
  if (kinds !== undefined && !kinds.includes("clock")) return undefined;
  const library = findFaketime();
  if (library === undefined) {
    say("clocks are left alone: libfaketime is not installed");
    return undefined;
  }
  return new Clocks(library, directory, nodes);
}
