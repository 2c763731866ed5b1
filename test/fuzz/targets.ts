/** Everything that is fuzzed. */

import { callsTarget } from "./live/calls.js";
import { lyingServerTarget } from "./live/lying-server.js";
import { rawBytesTarget } from "./live/raw-bytes.js";
import type { Target } from "./target.js";
import { answerTargets } from "./targets/answers.js";
import { cliTargets } from "./targets/cli.js";
import { configTargets } from "./targets/config.js";
import { logTargets } from "./targets/log.js";
import { offlineTargets } from "./targets/offline.js";
import { requestTargets } from "./targets/requests.js";
import { storeTargets } from "./targets/store.js";

export const targets: readonly Target[] = [
  ...logTargets,
  ...requestTargets,
  ...answerTargets,
  ...storeTargets,
  ...configTargets,
  ...cliTargets,
  ...offlineTargets,
  rawBytesTarget,
  callsTarget,
  lyingServerTarget,
];
