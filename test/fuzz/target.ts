/**
 * What is fuzzed: a decoder of bytes from outside, and what must hold whatever the bytes are.
 *
 * Invariant: a target takes bytes and nothing else, and judges the same bytes alike each time, so
 * that an input can be damaged, made smaller, saved and judged again by one means for all targets.
 */

import fc from "fast-check";

import { byteKinds, fieldKinds, type MutationKind } from "./mutation.js";

/** How an input was taken. A property that does not hold is an error that is thrown. */
export interface Judged {
  /** Whether the decoder took the input; a refusal by a typed error is as good. */
  readonly accepted: boolean;
  /** What was made of the input; its size is bounded by the input's. */
  readonly output?: unknown;
}

/** A target that is ready to judge. */
export interface OpenTarget {
  judge(bytes: Uint8Array): Judged | Promise<Judged>;
  /** Throws if what only shows in the end does not hold. */
  close?(): Promise<void>;
}

export interface Target {
  /** `layer/what`. */
  readonly name: string;
  /** Inputs as they should be, from suraft's own encoders, and edges that no damage would find. */
  readonly valid: fc.Arbitrary<Uint8Array>;
  /** How inputs are damaged. */
  readonly damage: readonly MutationKind[];
  /** What damaged text is made of. */
  readonly tokens: readonly string[];
  /** Gives damaged bytes what a decoder looks at first, such as a checksum that is right. */
  readonly mend?: (bytes: Uint8Array) => Uint8Array;
  /** An output may have so many bytes for each byte of the input, beside 1 KiB. */
  readonly outputPerByte: number;
  /** Blocks of code that may run for each byte of the input, beside {@link workBase}. */
  readonly workPerByte: number;
  /** Whether its work is counted: where much else goes on, the count says nothing. */
  readonly metered: boolean;
  /** How many inputs `npm test` judges. */
  readonly testRuns: number;
  readonly open: () => OpenTarget | Promise<OpenTarget>;
}

type Defaults = Exclude<keyof Target, "name" | "valid">;

/** A target whose judge needs nothing that must be opened. */
export type PlainTarget = Omit<Target, Defaults> &
  Partial<Omit<Target, "open">> & { readonly judge: OpenTarget["judge"] };

/** Blocks of code that may run whatever the input is. */
export const workBase = 20_000;

const defaults = {
  tokens: [],
  outputPerByte: 16,
  workPerByte: 64,
  metered: true,
  testRuns: 150,
} as const;

/** Damage to a protocol buffers message: to its fields, and to its bytes. */
const wireDamage: readonly MutationKind[] = [...fieldKinds, ...byteKinds];

/** Damage to text. */
export const textDamage: readonly MutationKind[] = ["insertToken", "repeatToken", ...byteKinds];

/** A decoder of protocol buffers. */
export function wireTarget(target: PlainTarget): Target {
  const { judge, ...rest } = target;
  return { ...defaults, damage: wireDamage, ...rest, open: () => ({ judge }) };
}

/** A decoder of text. */
export function textTarget(
  target: Omit<PlainTarget, "valid" | "judge"> & {
    readonly valid: fc.Arbitrary<string>;
    readonly judge: (text: string) => Judged;
  },
): Target {
  const { judge, valid, ...rest } = target;
  return {
    ...defaults,
    damage: textDamage,
    ...rest,
    valid: valid.map((text) => Buffer.from(text)),
    open: () => ({ judge: (bytes) => judge(Buffer.from(bytes).toString("utf8")) }),
  };
}

/** Something that runs, and much beside it: its work is not counted, and an input takes long. */
export function liveTarget(
  target: Pick<Target, "name" | "valid" | "open"> & Partial<Target>,
): Target {
  return { ...defaults, damage: byteKinds, metered: false, testRuns: 30, ...target };
}

/** Fails the input unless the condition holds. */
export function hold(condition: boolean, rule: string): asserts condition {
  if (!condition) throw new Broken(rule);
}

/** A property that does not hold. */
export class Broken extends Error {
  override readonly name = "Broken";
}

/** Runs a decoder that refuses by typed errors; any other error passes through, and fails the input. */
export function taken<T>(
  decode: () => T,
  isTyped: (error: unknown) => boolean,
): { readonly accepted: boolean; readonly output: T | undefined } {
  try {
    return { accepted: true, output: decode() };
  } catch (error) {
    if (!isTyped(error)) throw error;
    return { accepted: false, output: undefined };
  }
}

/** Numbers at which decoders go wrong. */
export const edgeNumber: fc.Arbitrary<bigint> = fc.oneof(
  fc.bigInt({ min: 0n, max: 300n }),
  fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  fc
    .tuple(fc.constantFrom(31n, 32n, 53n, 63n, 64n), fc.constantFrom(-2n, -1n, 0n, 1n))
    .map(([power, beside]) => 2n ** power + beside)
    .filter((value) => value < 2n ** 64n),
);

/** Any text, also such as is seldom thought of. */
export const anyText: fc.Arbitrary<string> = fc.oneof(
  fc.string({ maxLength: 30 }),
  fc.string({ maxLength: 30, unit: "binary" }),
  fc.constantFrom(
    "",
    "\0",
    "\u001b[2J",
    "\ufeff",
    "__proto__",
    "-0",
    "NaN",
    "1e999",
    "%00",
    "..\\",
  ),
);
