/**
 * Runs one target: inputs from its arbitrary, damaged, and with a meter also inputs bred from those
 * that led somewhere new.
 *
 * Invariant: without a meter the seed and the number alone decide an input, so that a failure's seed
 * replays it; with one, what ran before does too, and the failing bytes themselves are kept.
 */

import { serialize } from "node:v8";

import fc from "fast-check";

import { Random } from "../sim/random.js";
import type { Meter } from "./meter.js";
import { minimise } from "./minimise.js";
import { arbitraryMutations, drawMutations, mutate } from "./mutation.js";
import { Broken, workBase, type Judged, type OpenTarget, type Target } from "./target.js";

/** A way in which a target failed. */
export interface Failure {
  /** Two inputs that fail alike have one signature. */
  readonly signature: string;
  readonly error: Error;
  readonly seed: number;
  /** Made small. */
  readonly input: Uint8Array;
  readonly original: Uint8Array;
  count: number;
}

export interface TargetReport {
  readonly name: string;
  readonly inputs: number;
  readonly accepted: number;
  readonly seconds: number;
  /** Inputs kept because they led somewhere new, and how many blocks of code all reached. */
  readonly corpus: readonly Uint8Array[];
  readonly features: number;
  readonly failures: readonly Failure[];
}

export interface FuzzRunOptions {
  readonly seed: number;
  readonly runsMax: number;
  /** By `performance.now()`. */
  readonly untilMs?: number;
  /** Counts work, and keeps inputs that led somewhere new. */
  readonly meter?: Meter;
  /** Inputs that did so before: others are bred from them. */
  readonly corpus?: readonly Uint8Array[];
  /** Hears of each input before it is judged: what hangs can be named then. */
  readonly onInput?: (target: string, bytes: Uint8Array) => void;
}

const batchSize = 64;
const groupSize = 16;
const corpusMax = 2_000;
const outputBase = 1024;
const distinctMax = 20;

/** Runs a target until the runs or the time are used up. */
export async function runTarget(target: Target, options: FuzzRunOptions): Promise<TargetReport> {
  const open = await target.open();
  const run = new FuzzRun(target, open, options);
  try {
    await run.toEnd();
  } finally {
    await run.closing();
  }
  return run.report();
}

/** Two runs of one target as one. */
export function joined(first: TargetReport, second: TargetReport): TargetReport {
  const known = new Set(first.failures.map(({ signature }) => signature));
  const further = second.failures.filter(({ signature }) => !known.has(signature));
  return {
    name: first.name,
    inputs: first.inputs + second.inputs,
    accepted: first.accepted + second.accepted,
    seconds: first.seconds + second.seconds,
    corpus: second.corpus,
    features: Math.max(first.features, second.features),
    failures: [...first.failures, ...further],
  };
}

/** What becomes of one input: how it was taken, or why it fails. */
export async function judgeInput(
  target: Target,
  open: OpenTarget,
  bytes: Uint8Array,
  meter?: Meter,
): Promise<{ judged?: Judged; error?: Error; features: readonly string[] }> {
  // A judge that keeps or changes its input must not spoil ours.
  const own = Uint8Array.from(bytes);
  meter?.reset();
  try {
    const judged = await open.judge(own);
    const reading = meter?.read();
    checkWork(target, own, reading?.work ?? 0);
    if (judged.output !== undefined) checkOutput(target, own, judged.output);
    return { judged, features: reading?.features ?? [] };
  } catch (error) {
    return { error: error instanceof Error ? error : new Error(String(error)), features: [] };
  }
}

function checkWork(target: Target, bytes: Uint8Array, work: number): void {
  const workMax = workBase + target.workPerByte * bytes.length;
  if (work > workMax) {
    throw new Broken(`work: ${work} blocks ran for ${bytes.length} bytes; ${workMax} may`);
  }
}

function checkOutput(target: Target, bytes: Uint8Array, output: unknown): void {
  const sizeMax = outputBase + target.outputPerByte * bytes.length;
  const size = serialize(output).length;
  if (size > sizeMax) {
    throw new Broken(`size: ${size} bytes came of ${bytes.length}; ${sizeMax} may`);
  }
}

/** What an error has in common with others of its kind: its name, its text but for numbers, its place. */
export function signatureOf(error: Error): string {
  const text = error.message.replace(/["'`][^"'`]*["'`]|\d+/g, "#").slice(0, 80);
  const frames = (error.stack ?? "").split("\n").filter((line) => line.includes("/dist/"));
  const place = frames[0]
    ?.replace(/^.*\/dist\/(?:(src|test|gen)\/)?/, "$1/")
    .replace(/:\d+\)?$/, "");
  return `${error.name}: ${text} @ ${place ?? "?"}`;
}

class FuzzRun {
  readonly #target: Target;
  readonly #open: OpenTarget;
  readonly #options: FuzzRunOptions;
  readonly #random: Random;
  readonly #failures = new Map<string, Failure>();
  readonly #features = new Set<string>();
  readonly #groupFeatures = new Set<string>();
  readonly #corpus: Uint8Array[];
  readonly #beganMs = performance.now();
  #inputs = 0;
  #accepted = 0;

  constructor(target: Target, open: OpenTarget, options: FuzzRunOptions) {
    this.#target = target;
    this.#open = open;
    this.#options = options;
    this.#random = new Random(options.seed).fork(target.name);
    this.#corpus = [...(options.corpus ?? [])];
  }

  async toEnd(): Promise<void> {
    const { seed } = this.#options;
    for (let batch = 0; !this.#isOver(); batch++) {
      const inputs = freshInputs(this.#target, seed + batch);
      for (let start = 0; start < inputs.length; start += groupSize) {
        const group = inputs.slice(start, start + groupSize);
        await this.#judgeGroup([...group, ...this.#bred(group.length)], seed + batch);
        if (this.#isOver()) return;
      }
    }
  }

  async closing(): Promise<void> {
    try {
      await this.#open.close?.();
    } catch (error) {
      await this.#failed(new Uint8Array(), error as Error, this.#options.seed);
    }
  }

  report(): TargetReport {
    return {
      name: this.#target.name,
      inputs: this.#inputs,
      accepted: this.#accepted,
      seconds: (performance.now() - this.#beganMs) / 1000,
      corpus: this.#corpus,
      features: this.#features.size,
      failures: [...this.#failures.values()],
    };
  }

  #isOver(): boolean {
    const { runsMax, untilMs = Number.POSITIVE_INFINITY } = this.#options;
    return (
      this.#inputs >= runsMax || performance.now() >= untilMs || this.#failures.size >= distinctMax
    );
  }

  /** Damage to inputs that led somewhere new. */
  #bred(count: number): readonly Uint8Array[] {
    if (this.#corpus.length === 0) return [];
    const { damage, tokens, mend } = this.#target;
    return Array.from({ length: count }, () => {
      const parent = this.#random.pick(this.#corpus);
      const child = mutate(parent, drawMutations(damage, this.#random), tokens);
      return mend !== undefined && this.#random.chance(0.9) ? mend(child) : child;
    });
  }

  /** To read the meter costs more than most inputs: it is read once for a group where nothing is new. */
  async #judgeGroup(group: readonly Uint8Array[], seed: number): Promise<void> {
    const meter = this.#target.metered ? this.#options.meter : undefined;
    meter?.reset();
    for (const bytes of group) {
      if (this.#isOver()) break;
      await this.#judge(bytes, seed);
    }
    if (meter === undefined) return;
    const { work, features } = meter.read();
    const isNew = features.some((feature) => !this.#groupFeatures.has(feature));
    for (const feature of features) this.#groupFeatures.add(feature);
    const sizes = group.reduce((total, bytes) => total + bytes.length, 0);
    if (!isNew && work <= workBase + this.#target.workPerByte * sizes) return;
    for (const bytes of group) await this.#measure(bytes, seed, meter);
  }

  async #judge(bytes: Uint8Array, seed: number): Promise<void> {
    this.#options.onInput?.(this.#target.name, bytes);
    this.#inputs += 1;
    const { judged, error } = await judgeInput(this.#target, this.#open, bytes);
    if (error !== undefined) await this.#failed(bytes, error, seed);
    if (judged?.accepted === true) this.#accepted += 1;
  }

  async #measure(bytes: Uint8Array, seed: number, meter: Meter): Promise<void> {
    const { error, features } = await judgeInput(this.#target, this.#open, bytes, meter);
    if (error !== undefined) await this.#failed(bytes, error, seed);
    const isNew = features.filter((feature) => !this.#features.has(feature));
    for (const feature of isNew) this.#features.add(feature);
    if (isNew.length > 0 && this.#corpus.length < corpusMax) this.#corpus.push(bytes);
  }

  async #failed(bytes: Uint8Array, error: Error, seed: number): Promise<void> {
    const signature = signatureOf(error);
    const known = this.#failures.get(signature);
    if (known !== undefined) {
      known.count += 1;
      return;
    }
    const input = await this.#minimised(bytes, signature);
    this.#failures.set(signature, { signature, error, seed, input, original: bytes, count: 1 });
  }

  async #minimised(bytes: Uint8Array, signature: string): Promise<Uint8Array> {
    const { onInput } = this.#options;
    const { name, mend = (same: Uint8Array) => same } = this.#target;
    const meter = signature.includes(": work: ") ? this.#options.meter : undefined;
    const fails = async (candidate: Uint8Array): Promise<boolean> => {
      onInput?.(name, candidate);
      const { error } = await judgeInput(this.#target, this.#open, candidate, meter);
      return error !== undefined && signatureOf(error) === signature;
    };
    if (!(await fails(mend(bytes)))) return bytes;
    const slow = this.#target.testRuns < 100;
    return mend(await minimise(bytes, async (some) => fails(mend(some)), slow ? 100 : 3_000));
  }
}

/** A batch of inputs: valid ones, and damaged ones. The seed alone decides them. */
export function freshInputs(target: Target, seed: number): readonly Uint8Array[] {
  const { valid, damage, tokens, mend } = target;
  const input = fc
    .tuple(valid, arbitraryMutations(damage), fc.integer({ min: 0, max: 9 }))
    .map(([bytes, mutations, mending]) => {
      const damaged = mutate(bytes, mutations, tokens);
      return mend !== undefined && mending > 0 ? mend(damaged) : damaged;
    });
  return fc.sample(input, { seed, numRuns: batchSize });
}
