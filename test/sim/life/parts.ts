/** The production code that the simulator drives beside the core, or a copy with a bug planted. */

import { HistoryFloor, type AgeVerdict, type AnswerAge } from "../../../src/core/history-floor.js";
import { ManifestRead } from "../../../src/core/manifest-read.js";
import { Upkeep } from "../../../src/core/upkeep/upkeep.js";
import type { ListedManifest, ManifestQuestion } from "../../../src/core/manifest-read.js";
import type {
  UpkeepClock,
  UpkeepEffect,
  UpkeepInput,
  UpkeepOptions,
} from "../../../src/core/upkeep/protocol.js";

export interface AnyUpkeep {
  step(input: UpkeepInput, clock: UpkeepClock): readonly UpkeepEffect[];
}

export interface AnyManifestRead {
  begin(): ManifestQuestion;
  listed(page: readonly ListedManifest[], more: boolean): ManifestQuestion;
  got(version: string | undefined): ManifestQuestion;
}

export interface AnyHistoryFloor {
  known(floor: number, readBeganMs: number): void;
  judge(position: number, age: AnswerAge): AgeVerdict;
}

export interface Parts {
  readonly upkeep: (options: UpkeepOptions) => AnyUpkeep;
  readonly manifestRead: () => AnyManifestRead;
  readonly historyFloor: (graceMs: number, floor: number, readBeganMs: number) => AnyHistoryFloor;
}

export const productionParts: Parts = {
  upkeep: (options) => new Upkeep(options),
  manifestRead: () => new ManifestRead(),
  historyFloor: (graceMs, floor, readBeganMs) => new HistoryFloor(graceMs, floor, readBeganMs),
};
