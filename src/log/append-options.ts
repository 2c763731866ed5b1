/**
 * What an append demands beside its entries, as it stands in an AppendRequest, an
 * AppendSessionRequest or a ForwardedAppend.
 *
 * Invariant: what is refused here changes nothing; what is taken means the same to every node.
 */

import { keyBytesMax } from "./entry-check.js";
import { decodeMembers } from "./members-codec.js";
import { numberField, takeField, takeMessage, textField } from "./message-fields.js";
import { crc32c } from "./crc32c.js";
import { tokenBytesMax } from "./record-codec.js";
import { wireType } from "./wire.js";
import type { AppendOptions, Control, KeyCondition, ProducerNumber } from "../core/types.js";
import type { EntryRun } from "./entry-run.js";
import type { MessageField, MessageFields, SeenFields } from "./message-fields.js";
import type { Cursor } from "./wire.js";

/** The most conditions on keys that an append may make. */
export const keyConditionsMax = 256;

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

/** The options while they are collected. */
type DraftOptions = Mutable<Omit<AppendOptions, "keyConditions">> & {
  keyConditions?: KeyCondition[];
};

/** What was found beside the entries of one message. */
export interface FoundFields {
  readonly options: DraftOptions;
  /** The number of the client's stream, in a ForwardedAppend. */
  stream: number;
  /** The number of the stream that a ForwardedAppend closes. */
  closedStream: number;
}

const producerFields: MessageFields<Mutable<ProducerNumber>> = {
  name: "producer",
  fields: {
    1: numberField("producer_id", 1, (draft, value) => (draft.producerId = value)),
    2: numberField("sequence", 1, (draft, value) => (draft.sequence = value)),
  },
};

function readProducer(cursor: Cursor, { options }: FoundFields): boolean {
  const producer = { producerId: 0, sequence: 0, checksum: 0 };
  if (!takeMessage(cursor, producerFields, producer)) return false;
  options.producer = producer;
  if (producer.producerId === 0) cursor.fail("producer has no producer_id");
  else if (producer.sequence === 0) cursor.fail("producer has no sequence");
  else return true;
  return false;
}

const conditionFields: MessageFields<Mutable<KeyCondition>> = {
  name: "key_conditions",
  fields: {
    1: textField("key", keyBytesMax, (draft, value) => (draft.key = value)),
    2: numberField("since_index", 1, (draft, value) => (draft.sinceIndex = value)),
  },
};

function readKeyCondition(cursor: Cursor, { options }: FoundFields): boolean {
  const condition = { key: "", sinceIndex: 0 };
  if (!takeMessage(cursor, conditionFields, condition)) return false;
  const conditions = (options.keyConditions ??= []);
  conditions.push(condition);
  if (condition.key === "") cursor.fail("a key condition has no key");
  else if (condition.sinceIndex === 0) cursor.fail("a key condition has no since_index");
  else if (conditions.length > keyConditionsMax) {
    cursor.fail(`the append has more than ${keyConditionsMax} key conditions`);
  } else return true;
  return false;
}

const requestFields: MessageFields<FoundFields>["fields"] = {
  // Not read here: it stands here for what is said of one with a wrong type.
  1: { name: "entries", type: wireType.bytes, repeats: true, read: () => false },
  2: { name: "producer", type: wireType.bytes, read: readProducer },
  3: numberField("expected_next_index", 1, ({ options }, value) => {
    options.expectedNextIndex = value;
  }),
  4: textField("fencing_token", tokenBytesMax, ({ options }, value) => {
    options.fencingToken = value;
  }),
  5: textField("set_fencing_token", tokenBytesMax, ({ options }, value) => {
    options.setFencingToken = value;
  }),
  6: { name: "key_conditions", type: wireType.bytes, repeats: true, read: readKeyCondition },
};

interface ControlDraft {
  producerId: number;
  firstIndex: number;
  expectedFirstIndex: number | undefined;
}

function controlField(
  name: string,
  fields: MessageFields<ControlDraft>["fields"],
  toControl: (draft: ControlDraft) => Control | undefined,
): MessageField<FoundFields> {
  const read = (cursor: Cursor, { options }: FoundFields): boolean => {
    const draft = { producerId: 0, firstIndex: 0, expectedFirstIndex: undefined };
    if (!takeMessage(cursor, { name, fields }, draft)) return false;
    const control = toControl(draft);
    if (options.control !== undefined) cursor.fail("the append has two controls");
    else if (control === undefined) cursor.fail(`${name} is not complete`);
    else {
      options.control = control;
      return true;
    }
    return false;
  };
  return { name, type: wireType.bytes, read };
}

const controlFields: MessageFields<FoundFields>["fields"] = {
  10: controlField("open", {}, () => ({ type: "open" })),
  11: controlField(
    "close",
    { 1: numberField("producer_id", 1, (draft, value) => (draft.producerId = value)) },
    ({ producerId }) => (producerId === 0 ? undefined : { type: "close", producerId }),
  ),
  12: controlField(
    "trim",
    {
      1: numberField("first_index", 1, (draft, value) => (draft.firstIndex = value)),
      2: numberField("expected_first_index", 1, (draft, value) => {
        draft.expectedFirstIndex = value;
      }),
    },
    ({ firstIndex, expectedFirstIndex }) => {
      if (firstIndex === 0) return undefined;
      const trim = { type: "trim", firstIndex } as const;
      return expectedFirstIndex === undefined ? trim : { ...trim, expectedFirstIndex };
    },
  ),
};

/** A list of members has the form that it is stored in. */
function readMembersControl(cursor: Cursor, { options }: FoundFields): boolean {
  const bytes = cursor.view();
  if (bytes === undefined) return false;
  const decoded = decodeMembers(bytes);
  if (options.control !== undefined) cursor.fail("the append has two controls");
  else if (decoded.type === "corrupt") cursor.fail(decoded.reason);
  else {
    options.control = { type: "members", list: decoded.value };
    return true;
  }
  return false;
}

/** Of AppendRequest and AppendSessionRequest. */
export const appendRequestFields: MessageFields<FoundFields> = { name: "", fields: requestFields };

/** Of ForwardedAppend. */
export const forwardedAppendFields: MessageFields<FoundFields> = {
  name: "",
  fields: {
    ...requestFields,
    8: numberField("stream", 1, (found, value) => (found.stream = value)),
    9: numberField("closed_stream", 1, (found, value) => (found.closedStream = value)),
    ...controlFields,
    13: { name: "members", type: wireType.bytes, read: readMembersControl },
  },
};

/** Collects the fields beside the entries of one message. */
export class OptionsReader implements FoundFields {
  readonly options: DraftOptions = {};
  stream = 0;
  closedStream = 0;
  readonly #fields: MessageFields<FoundFields>;
  #seen: SeenFields = 0;

  constructor(fields: MessageFields<FoundFields>) {
    this.#fields = fields;
  }

  /** Takes a field whose tag was read. False: the cursor's problem says why not. */
  take(cursor: Cursor, tag: number): boolean {
    const seen = takeField(cursor, tag, this.#fields, { draft: this, seen: this.#seen });
    if (seen === undefined) return false;
    this.#seen = seen;
    return true;
  }

  /** The options of an append of these entries; undefined if there are none. */
  optionsOf(run: EntryRun): AppendOptions | undefined {
    const { options } = this;
    const { producer } = options;
    // A repeat is told from another append under the same number by this.
    if (producer !== undefined) {
      options.producer = { ...producer, checksum: crc32c(run.bytes) };
      return options;
    }
    return Object.keys(options).length === 0 ? undefined : options;
  }
}
