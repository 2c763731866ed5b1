/** The options of `npm run faults`. */

import { parseArgs } from "node:util";
import { faultKindNames, faultKinds, type FaultKind } from "./plan.js";
import type { NetworkName } from "./round.js";
import type { StoreName } from "./stores.js";
import { tampers, type TamperName } from "./tamper.js";

export interface FaultOptions {
  readonly minutes: number;
  readonly roundMinutes: number;
  readonly seed: number;
  readonly stores: readonly StoreName[];
  readonly network: NetworkName;
  readonly nodeCount: number;
  readonly kinds: readonly FaultKind[] | undefined;
  readonly keep: boolean;
  readonly tamper: TamperName | undefined;
  /** A history to judge, and nothing else. */
  readonly judge: string | undefined;
  readonly help: boolean;
}

const kindLines = faultKindNames.map((kind) => `    ${kind.padEnd(14)}${faultKinds[kind].text}`);

export const usage = `npm run faults -- [options]
  --minutes M        how long there are faults, over all stores (2)
  --round-minutes R  a new cluster and a new store at least so often (5)
  --seed N           the plan of faults follows from it (drawn and printed if not given)
  --store WHICH      directory, emulator or both (both)
  --network WHICH    namespaces, proxies or auto: namespaces where they are permitted (auto)
  --nodes N          how many nodes, 1 to 9 (3)
  --only FAULT       only this kind of fault; may be repeated
  --keep             keep the folder with logs and histories
  --judge FILE       judge a history that was kept, and nothing else
  --tamper HOW       delete or rewrite a segment, or forge an acknowledgement: do the judges bite?
  --help

Faults:
${kindLines.join("\n")}

The emulator is fake-gcs-server; SURAFT_FAKE_GCS_SERVER names its binary. Namespaces and full disks
want root, nft (nftables) and tc (iproute2); clocks want libfaketime.`;

/** Throws an Error that says what is wrong. */
export function parseOptions(words: readonly string[]): FaultOptions {
  const { values } = parseArgs({
    args: [...words],
    options: {
      minutes: { type: "string", default: "2" },
      "round-minutes": { type: "string", default: "5" },
      seed: { type: "string" },
      store: { type: "string", default: "both" },
      network: { type: "string", default: "auto" },
      nodes: { type: "string", default: "3" },
      only: { type: "string", multiple: true },
      keep: { type: "boolean", default: false },
      judge: { type: "string" },
      tamper: { type: "string" },
      help: { type: "boolean", default: false },
    },
  });
  const stores = {
    directory: ["directory"],
    emulator: ["emulator"],
    both: ["directory", "emulator"],
  };
  const seedText = values.seed ?? String(Date.now() % 1_000_000_000);
  return {
    minutes: positive(values.minutes, "--minutes"),
    roundMinutes: positive(values["round-minutes"], "--round-minutes"),
    seed: whole(seedText, "--seed", { min: 0, max: Number.MAX_SAFE_INTEGER }),
    stores: stores[
      oneOf(values.store, "--store", ["directory", "emulator", "both"])
    ] as StoreName[],
    network: oneOf(values.network, "--network", ["auto", "namespaces", "proxies"]),
    nodeCount: whole(values.nodes, "--nodes", { min: 1, max: 9 }),
    kinds: values.only?.map((kind) => oneOf(kind, "--only", faultKindNames)),
    keep: values.keep,
    tamper:
      values.tamper === undefined
        ? undefined
        : oneOf(values.tamper, "--tamper", Object.keys(tampers) as TamperName[]),
    judge: values.judge,
    help: values.help,
  };
}

function positive(text: string, name: string): number {
  const number = Number(text);
  if (!(number > 0) || !Number.isFinite(number)) throw new Error(`${name}: ${text} is no time`);
  return number;
}

function whole(
  text: string,
  name: string,
  { min, max }: { readonly min: number; readonly max: number },
): number {
  const number = Number(text);
  if (!Number.isSafeInteger(number) || number < min || number > max) {
    throw new Error(`${name}: ${text} is no number from ${min} to ${max}`);
  }
  return number;
}

function oneOf<T extends string>(text: string, name: string, known: readonly T[]): T {
  const found = known.find((one) => one === text);
  if (found === undefined) throw new Error(`${name}: ${text} is none of ${known.join(", ")}`);
  return found;
}
