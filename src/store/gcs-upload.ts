/**
 * The request that creates an object, and the reply that says it did.
 *
 * One multipart upload: the metadata names the CRC32C, which the server checks before it stores
 * anything, and forbids caches.
 */

import { randomUUID } from "node:crypto";

import { crc32c } from "@node-rs/crc32";

/** A CRC32C as Google writes it: base64 of four bytes, the most significant first. */
export function encodeCrc32c(bytes: Uint8Array): string {
  const buffer = Buffer.allocUnsafe(4);
  buffer.writeUInt32BE(crc32c(bytes));
  return buffer.toString("base64");
}

export interface Upload {
  readonly contentType: string;
  readonly body: Uint8Array;
  readonly crc32c: string;
}

/** Encodes an upload of these bytes. */
export function encodeUpload(bytes: Uint8Array): Upload {
  // Nobody can have written this boundary into the bytes: it did not exist before.
  const boundary = randomUUID();
  const checksum = encodeCrc32c(bytes);
  const metadata = JSON.stringify({
    contentType: "application/octet-stream",
    cacheControl: "no-store",
    crc32c: checksum,
  });
  const head = Buffer.from(
    `--${boundary}\r\ncontent-type: application/json\r\n\r\n${metadata}\r\n` +
      `--${boundary}\r\ncontent-type: application/octet-stream\r\n\r\n`,
  );
  const body = Buffer.concat([head, bytes, Buffer.from(`\r\n--${boundary}--\r\n`)]);
  return { contentType: `multipart/related; boundary=${boundary}`, body, crc32c: checksum };
}

/** What a reply must say of the object, or nothing was proven. */
export interface Expected {
  readonly name: string;
  readonly size: number;
  readonly crc32c: string;
}

/** The generation in the reply to an upload; undefined if it does not describe this very object. */
export function readUploaded(body: Buffer, expected: Expected): string | undefined {
  const metadata = parseObject(body);
  const { name, size, generation, crc32c: checksum } = metadata ?? {};
  const isExpected =
    name === expected.name && size === String(expected.size) && checksum === expected.crc32c;
  return isExpected && isDecimal(generation) && generation !== "0" ? generation : undefined;
}

/** A JSON object, or undefined for anything else. */
export function parseObject(body: Buffer): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(body.toString("utf8"));
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Google writes 64-bit numbers as decimal strings. */
export function isDecimal(value: unknown): value is string {
  return typeof value === "string" && /^\d{1,20}$/.test(value);
}

/** A size that a number holds exactly. */
export function isSize(value: unknown): value is string {
  return isDecimal(value) && Number.isSafeInteger(Number(value));
}
