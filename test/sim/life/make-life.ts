/** The part of a run's world that is about the log's past. */

import { foundingManifest } from "../content.js";
import type { Plan } from "../plan.js";
import type { RunChecks } from "../run-checks.js";
import type { SimStore } from "../sim-store.js";
import { ManifestChecks } from "./manifest-checks.js";
import { SimObjects } from "./objects.js";
import type { Parts } from "./parts.js";
import type { LifeWorld } from "./process-life.js";

export interface LifeOptions {
  readonly plan: Plan;
  readonly parts: Parts;
  readonly store: SimStore;
  readonly checks: RunChecks;
}

export function makeLife({ plan: { life: plan }, parts, store, checks }: LifeOptions): LifeWorld {
  const founding = { ...foundingManifest, ...(plan && { graceMs: plan.graceMs }) };
  const objects = new SimObjects({ store, founding, pageItems: plan?.pageItems ?? 100 });
  const valueOf: SimObjects["valueOf"] = (name) => objects.valueOf(name);
  const judge = new ManifestChecks({ checks, founding, valueOf });
  objects.judgedBy(judge);
  return { plan, founding, parts, objects, judge };
}
