/**
 * What the lock service writes into the log, as JSON.
 *
 * A session's id is the index of the entry that opened it. `renewed` in `expire` is the index of the
 * session's last renewal that whoever proposes the end has seen: a later renewal wins.
 */

export type Command =
  | { readonly op: "open"; readonly ttlMs: number }
  | { readonly op: "renew"; readonly session: number }
  | { readonly op: "close"; readonly session: number }
  | { readonly op: "expire"; readonly session: number; readonly renewed: number }
  | { readonly op: "acquire"; readonly session: number; readonly lock: string }
  | { readonly op: "release"; readonly session: number; readonly lock: string };

export function encodeCommand(command: Command): Uint8Array {
  return Buffer.from(JSON.stringify(command));
}

/** Undefined for what is no command. */
export function decodeCommand(payload: Uint8Array): Command | undefined {
  try {
    const text = Buffer.from(payload.buffer, payload.byteOffset, payload.length).toString();
    const fields = JSON.parse(text) as Readonly<Record<string, unknown>> | null;
    if (typeof fields !== "object" || fields === null) return undefined;
    const { op, session, lock, ttlMs, renewed } = fields;
    if (op === "open") return isIndex(ttlMs) ? { op, ttlMs } : undefined;
    if (!isIndex(session)) return undefined;
    if (op === "renew" || op === "close") return { op, session };
    if (op === "expire") return isIndex(renewed) ? { op, session, renewed } : undefined;
    const isLock = op === "acquire" || op === "release";
    return isLock && typeof lock === "string" ? { op, session, lock } : undefined;
  } catch {
    return undefined;
  }
}

function isIndex(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) > 0;
}
