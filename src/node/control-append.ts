/** Appends without entries: what opens or closes a producer, or trims the log. */

import { encodeControl } from "../peer/control-message.js";
import type { Control } from "../core/types.js";
import type { ScannedAppend } from "../log/append-scan.js";

const noEntries = { bytes: new Uint8Array(0), entryCount: 0 };

export function controlAppend(control: Control): ScannedAppend {
  const message = encodeControl(control);
  return { run: noEntries, options: { control }, message };
}
