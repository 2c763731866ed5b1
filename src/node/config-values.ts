/**
 * The kinds of values that settings have, as schemas.
 *
 * Invariant: each schema takes a value as a config file gives it (numbers, lists) and as a flag or
 * the environment gives it (text), and every message completes the sentence `<key> ...`.
 */

import { z } from "zod";
import type { NodeMember } from "./node.js";

const KIB = 1024;
const unitBytes: Readonly<Record<string, number>> = {
  "": 1,
  B: 1,
  KiB: KIB,
  MiB: KIB ** 2,
  GiB: KIB ** 3,
};

/** Bytes as people write them: the greatest unit that divides them. */
export function formatBytes(bytes: number): string {
  for (const unit of ["GiB", "MiB", "KiB"]) {
    const size = unitBytes[unit] ?? 1;
    if (bytes >= size && bytes % size === 0) {
      return `${String(bytes / size)} ${unit}`;
    }
  }
  return `${String(bytes)} B`;
}

interface Bounds {
  readonly min: number;
  readonly max: number;
}

function bounded(bounds: Bounds, error: string, text: z.ZodType<number>): z.ZodType<number> {
  return z
    .union([z.number(), text], { error })
    .pipe(z.number().int(error).min(bounds.min, error).max(bounds.max, error));
}

/** A whole number of something. */
export function count(bounds: Bounds, noun = "a whole number"): z.ZodType<number> {
  const error = `must be ${noun} from ${String(bounds.min)} to ${String(bounds.max)}`;
  const text = z
    .string()
    .regex(/^\d{1,15}$/)
    .transform(Number);
  return bounded(bounds, error, text);
}

/** A whole number of milliseconds. */
export function milliseconds(bounds: Bounds): z.ZodType<number> {
  return count(bounds, "a whole number of milliseconds");
}

/** A size: a number of bytes, or text such as `4 MiB`. */
export function bytes(bounds: Bounds): z.ZodType<number> {
  const error =
    `must be a size from ${formatBytes(bounds.min)} to ${formatBytes(bounds.max)}` +
    " (a number of bytes, or such as 512KiB, 4MiB, 1GiB)";
  const text = z
    .string()
    .regex(/^\d{1,15} ?(?:|B|KiB|MiB|GiB)$/)
    .transform((value) => {
      const unit = value.replace(/^\d+ ?/, "");
      return Number.parseInt(value, 10) * (unitBytes[unit] ?? Number.NaN);
    });
  return bounded(bounds, error, text);
}

/** Yes or no. */
export function flag(): z.ZodType<boolean> {
  const text = z.enum(["true", "false"]).transform((value) => value === "true");
  return z.union([z.boolean(), text], { error: "must be true or false" });
}

/** A host and a port, taken apart. An IPv6 host stands in brackets in an address, not here. */
export interface HostPort {
  readonly host: string;
  readonly port: number;
}

const addressPattern = /^(?:\[([0-9A-Fa-f:.%a-z]+)\]|([A-Za-z0-9._-]+)):(\d{1,5})$/;

/** Takes `host:port` or `[IPv6]:port` apart; undefined if it is neither. */
export function parseAddress(address: string): HostPort | undefined {
  const match = addressPattern.exec(address);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  return host === undefined || port > 65_535 ? undefined : { host, port };
}

/** `host:port`. Port 0, "any free port", only where it makes sense. */
export function address(options: { readonly anyPort: boolean }): z.ZodType<string> {
  const error = "must be host:port, such as 127.0.0.1:7101 or [::1]:7101";
  return z.string({ error }).refine((text) => {
    const parsed = parseAddress(text);
    return parsed !== undefined && (parsed.port > 0 || options.anyPort);
  }, error);
}

/** A node's id. */
export function nodeId(): z.ZodType<string> {
  const error = "must be 1 to 64 letters, digits, '-', '_' or '.', such as n1";
  return z.string({ error }).regex(/^[A-Za-z0-9._-]{1,64}$/, error);
}

/** A store's URL, as far as it can be judged without opening it. */
export function storeUrl(): z.ZodType<string> {
  const forms = "gs://bucket/prefix, file:///directory or memory:";
  const error = `must be a URL: ${forms}`;
  return z.string({ error }).superRefine((url, context) => {
    const scheme = /^([A-Za-z][A-Za-z0-9+.-]*):/.exec(url)?.[1];
    if (scheme === undefined) {
      context.addIssue(`has no scheme: use ${forms}`);
    } else if (!["gs", "file", "memory"].includes(scheme)) {
      context.addIssue(`has the unknown scheme "${scheme}:"; use ${forms}`);
    }
  });
}

/** An http or https URL. */
export function httpUrl(): z.ZodType<string | undefined> {
  const error = "must be an http or https URL, such as http://127.0.0.1:4443";
  return z
    .string({ error })
    .refine((text) => /^https?:\/\/[^/]/.test(text) && URL.canParse(text), error)
    .optional();
}

const memberForm = "must be a list of id=host:port, such as n1=10.0.0.1:7101,n2=10.0.0.2:7101";

function parseMember(text: string): NodeMember | undefined {
  const [id, place, ...rest] = text.trim().split("=");
  const valid =
    rest.length === 0 &&
    nodeId().safeParse(id).success &&
    address({ anyPort: false }).safeParse(place).success;
  return valid && id !== undefined && place !== undefined
    ? { nodeId: id, address: place }
    : undefined;
}

/** Members: `id=host:port` with commas between, a list of such texts, or a mapping. */
export function members(): z.ZodType<readonly NodeMember[]> {
  const lists = z.union(
    [
      z.array(z.string()),
      z.string().transform((text) => text.split(",").filter((part) => part.trim() !== "")),
      z
        .record(z.string(), z.string())
        .transform((mapping) => Object.entries(mapping).map(([id, place]) => `${id}=${place}`)),
    ],
    { error: memberForm },
  );
  return lists.transform((texts, context) => {
    const list: NodeMember[] = [];
    for (const text of texts) {
      const member = parseMember(text);
      if (member === undefined) {
        context.addIssue(`${memberForm}; "${text}" is not of that form`);
        return z.NEVER;
      }
      list.push(member);
    }
    return list;
  });
}

/** One of a few words. */
export function oneOf<const Word extends string>(...words: readonly Word[]): z.ZodType<Word> {
  return z.enum(words, { error: `must be ${words.join(", ").replace(/, ([^,]*)$/, " or $1")}` });
}
