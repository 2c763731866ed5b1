/** What the parts of a verification share, and where the walk meets what manifests tell of it. */

import { decodeLedger, encodeLedger } from "../log/ledger-codec.js";
import { objectName } from "../log/names.js";
import type { ObjectRef } from "../core/manifest.js";
import type { WalkState } from "../core/walk.js";
import type { Findings } from "./findings.js";
import type { Leftovers } from "./leftovers.js";
import type { Source } from "./source.js";
import type { ToldState, ToldStates } from "./told-states.js";
import type { VerifiedWalk } from "./verified-walk.js";

export interface VerifyContext {
  readonly source: Source;
  readonly clusterId: string;
  readonly findings: Findings;
  readonly walk: VerifiedWalk;
  readonly told: ToldStates;
  readonly leftovers: Leftovers;
  /** How many gets are under way at once, and how many bytes. */
  readonly width: number;
  readonly bytesMax: number;
  readonly progressed: (bytes: number) => void;
  /** Checkpoints whose ledger was read, and those of them that the walk has recomputed. */
  readonly ledgers: { read: number; recomputed: number };
}

/** Compares the walk with what manifests tell of it here; behind damage, it goes on there. */
export async function arrive(context: VerifyContext): Promise<void> {
  const { walk } = context;
  for (const state of context.told.at(walk.tail)) {
    if (!walk.isSound) walk.jump(state.walk);
    const { object, what } = state;
    if (!comesTo(context, state.walk, { object, what: `its ${what}` })) continue;
    if (state.ledger !== undefined) await checkLedger(context, state, state.ledger);
  }
}

/** Whether the walk is where an object says; found if not. Behind damage it is nowhere. */
export function comesTo(
  { walk, findings }: VerifyContext,
  state: WalkState,
  { object, what }: { readonly object: string; readonly what: string },
): boolean {
  if (!walk.isSound) return false;
  if (walk.isAt(state)) return true;
  const reason = `${what} at position ${state.tail} is not what the segments come to`;
  findings.add("contradiction", { object, reason });
  return false;
}

async function checkLedger(
  context: VerifyContext,
  { walk: at }: ToldState,
  ref: ObjectRef,
): Promise<void> {
  const { source, findings, clusterId, walk, ledgers } = context;
  const object = objectName({ type: "checkpoint", id: ref.id });
  const looked = await source.look(object);
  if (looked.type === "absent") return await absent(context, object, ref);
  const decoded =
    looked.type === "damaged"
      ? { type: "corrupt" as const, reason: looked.reason }
      : decodeLedger(looked.value.bytes, clusterId, ref.checksum);
  if (decoded.type === "corrupt") {
    findings.add("damaged", { object, reason: decoded.reason });
    return;
  }
  ledgers.read++;
  if (walk.ledger === undefined) return walk.adopt(decoded.value);
  ledgers.recomputed++;
  const { checksum } = encodeLedger(clusterId, walk.ledger.snapshot());
  if (checksum === ref.checksum) return;
  const reason = `its ledger is not what the log establishes below position ${at.tail}`;
  findings.add("contradiction", { object, reason });
}

/** One that only an old manifest names may be deleted. */
async function absent(
  { source, findings }: VerifyContext,
  object: string,
  { id }: ObjectRef,
): Promise<void> {
  const { checkpoint } = await source.refresh();
  if (checkpoint?.ledger.id.nonce !== id.nonce) return;
  findings.add("missing", { object, reason: "the manifest names it, and it is not there" });
}
