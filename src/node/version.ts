/** suraft's version, as package.json says. */

import { readFileSync } from "node:fs";

/** Two folders up from the compiled `dist/src/node`, and one more. */
const packageFile = new URL("../../../package.json", import.meta.url);

function readVersion(): string {
  const parsed: unknown = JSON.parse(readFileSync(packageFile, "utf8"));
  const found = typeof parsed === "object" && parsed !== null && "version" in parsed;
  return found && typeof parsed.version === "string" ? parsed.version : "unknown";
}

export const version: string = readVersion();
