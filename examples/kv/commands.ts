/**
 * What the key-value store writes into the log: JSON, so that programs in any language can take part
 * (examples/kv-python does).
 *
 *     {"op": "put", "key": "a", "value": "1"}              sets
 *     {"op": "put", "key": "a", "value": "2", "if": 7}     sets if the key's version is 7; 0: if it is absent
 *     {"op": "delete", "key": "a", "if": 9}                removes, with or without "if"
 *
 * A key's version is the index in the log of the entry that set it.
 */

export type Command =
  | {
      readonly op: "put";
      readonly key: string;
      readonly value: string;
      readonly if?: number | undefined;
    }
  | { readonly op: "delete"; readonly key: string; readonly if?: number | undefined };

export function encodeCommand(command: Command): Uint8Array {
  return Buffer.from(JSON.stringify(command));
}

/** Undefined for what is no command: every replica must find the same, so nothing throws. */
export function decodeCommand(payload: Uint8Array): Command | undefined {
  try {
    const text = Buffer.from(payload.buffer, payload.byteOffset, payload.length).toString();
    const command = JSON.parse(text) as Readonly<Record<string, unknown>> | null;
    if (typeof command !== "object" || command === null) return undefined;
    const { op, key, value } = command;
    const condition = command["if"];
    const isCondition = condition === undefined || Number.isSafeInteger(condition);
    if (typeof key !== "string" || !isCondition) return undefined;
    const given = { key, if: condition as number | undefined };
    if (op === "delete") return { op, ...given };
    return op === "put" && typeof value === "string" ? { op, value, ...given } : undefined;
  } catch {
    return undefined;
  }
}
