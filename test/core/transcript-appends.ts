/**
 * The appends of a transcript, written as words: `x`, `x*3` (entries), `x:50` (bytes), and behind a
 * question mark what else there is to it, parted by `&`:
 *
 * - `producer=1/4`, `producer=1/4/9`: producer 1, number 4, and a checksum;
 * - `next=7`, `token=t`, `since=k/5`: its conditions; `set=t`: the token that it sets;
 * - `open`, `close=1`, `trim=5`, `trim=5&begins=1`: what it does beside, without entries;
 * - `members=1/a,(b),c!5`: the list of version 1, b a learner, c with priority 5;
 * - `key=k`: the key of its first entry; `stream=s`: the client's stream.
 */

import { assert } from "../../src/core/assert.js";
import type { MemberList } from "../../src/core/members.js";
import type { AppendOptions, Control } from "../../src/core/types.js";
import type { NamedAppend } from "./transcript-text.js";

/** Makes appends; a stream's name always means the same stream. */
export class AppendWords {
  readonly #streams = new Map<string, object>();

  read(word: string): NamedAppend {
    const [plain = "", query = ""] = word.split("?");
    const [name = "", bytes = "10"] = plain.split(":");
    const given = new Map(query.split("&").map((part): [string, string] => keyAndValue(part)));
    const options = optionsOf(given);
    const entries = options.control === undefined ? "1" : "0";
    const stream = this.#streamOf(given.get("stream"));
    const key = given.get("key");
    return {
      name,
      entryCount: Number(name.split("*")[1] ?? entries),
      sizeBytes: Number(bytes),
      ...(Object.keys(options).length > 0 && { options }),
      ...(key !== undefined && { keys: [{ offset: 0, key }] }),
      ...(stream !== undefined && { stream }),
    };
  }

  #streamOf(name: string | undefined): object | undefined {
    if (name === undefined) return undefined;
    const stream = this.#streams.get(name) ?? { name };
    this.#streams.set(name, stream);
    return stream;
  }
}

const known = new Set(
  "producer next token since set open close trim begins members key stream".split(" ").concat(""),
);

function keyAndValue(part: string): [string, string] {
  const [name = "", value = ""] = part.split("=");
  assert(known.has(name), `${name} is an option of an append`);
  return [name, value];
}

function optionsOf(given: ReadonlyMap<string, string>): AppendOptions {
  const text = (name: string): string | undefined => given.get(name);
  const [producerId, sequence, checksum = "0"] = text("producer")?.split("/") ?? [];
  const [key, sinceIndex] = text("since")?.split("/") ?? [];
  const [next, token, set] = [text("next"), text("token"), text("set")];
  const control = controlOf(given);
  return {
    ...(producerId !== undefined && {
      producer: {
        producerId: Number(producerId),
        sequence: Number(sequence),
        checksum: Number(checksum),
      },
    }),
    ...(next !== undefined && { expectedNextIndex: Number(next) }),
    ...(key !== undefined && { keyConditions: [{ key, sinceIndex: Number(sinceIndex) }] }),
    ...(token !== undefined && { fencingToken: token }),
    ...(set !== undefined && { setFencingToken: set }),
    ...(control !== undefined && { control }),
  };
}

function controlOf(given: ReadonlyMap<string, string>): Control | undefined {
  const [close, trim, begins] = [given.get("close"), given.get("trim"), given.get("begins")];
  const members = given.get("members");
  if (members !== undefined) return { type: "members", list: listOf(members) };
  if (given.has("open")) return { type: "open" };
  if (close !== undefined) return { type: "close", producerId: Number(close) };
  if (trim === undefined) return undefined;
  const firstIndex = Number(trim);
  return begins === undefined
    ? { type: "trim", firstIndex }
    : { type: "trim", firstIndex, expectedFirstIndex: Number(begins) };
}

function listOf(text: string): MemberList {
  const [version, names = ""] = text.split("/");
  const members = names.split(",").map((word) => {
    const [nodeId = "", priority = "1"] = word.replace(/^\((.*)\)$/, "$1").split("!");
    const voter = !word.startsWith("(");
    return { nodeId, address: nodeId, voter, priority: Number(priority) };
  });
  return { version: Number(version), members };
}
