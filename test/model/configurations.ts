/**
 * What `npm run model` explores: the models, each in a few bounds, and the controls, each a rule that is left out and the
 * property that must break for it.
 */

export interface Configuration {
  readonly name: string;
  /** Preprocessor definitions, `NAME` or `NAME=VALUE`. */
  readonly defines: readonly string[];
  /** Too big for every day: `--long` only. */
  readonly long?: true;
  /** Keeps a hash of each state in place of the state: two states may rarely be taken for one. */
  readonly hashed?: true;
}

export interface Control {
  readonly name: string;
  readonly defines: readonly string[];
  /** How the name of the property that breaks begins. */
  readonly breaks: string;
}

/** Something that must be reached at all: else what is proved of it says nothing. */
export interface Witness {
  readonly name: string;
  readonly defines: readonly string[];
}

export interface Model {
  readonly name: string;
  readonly configurations: readonly Configuration[];
  readonly controls: readonly Control[];
  readonly witnesses: readonly Witness[];
}

const commit: Model = {
  name: "commit",
  configurations: [
    { name: "three terms", defines: ["EPOCHS=3", "POSITIONS=6"] },
    { name: "a tie", defines: ["EPOCHS=3", "POSITIONS=6", "TERM_B=1", "TERM_C=2"] },
    { name: "a tie above", defines: ["EPOCHS=3", "TERM_C=2"] },
    { name: "window of three", defines: ["POSITIONS=7", "BATCHES=3", "WINDOW=3", "READS"] },
    { name: "resigning", defines: ["POSITIONS=6", "BATCHES=3", "AHEAD=2", "RESIGN", "READS"] },
    { name: "a producer", defines: ["EPOCHS=3", "PRODUCER"] },
    { name: "reads of three", defines: ["EPOCHS=3", "READS"], long: true, hashed: true },
    {
      name: "three claims",
      defines: ["EPOCHS=3", "POSITIONS=6", "CLAIMS=3", "AHEAD=2"],
      long: true,
      hashed: true,
    },
    {
      name: "three by three",
      defines: ["EPOCHS=3", "POSITIONS=7", "BATCHES=3", "WINDOW=3", "TERM_C=2"],
      long: true,
      hashed: true,
    },
  ],
  controls: [
    {
      name: "absent settles a fate",
      defines: ["WRONG_ABSENT_SETTLES", "POSITIONS=6"],
      breaks: "7:",
    },
    { name: "exists means another's", defines: ["WRONG_EXISTS_IS_ANOTHERS"], breaks: "7:" },
    { name: "other bytes under an open name", defines: ["WRONG_OTHER_BYTES"], breaks: "7:" },
    {
      name: "... and read back by epoch alone",
      defines: ["WRONG_OTHER_BYTES", "WRONG_READ_BACK"],
      breaks: "1:",
    },
    { name: "claims count whatever their term", defines: ["NO_TERM_ORDER"], breaks: "3:" },
    {
      name: "a claim of an equal term counts",
      defines: ["WRONG_EQUAL_TERM", "TERM_B=1"],
      breaks: "3:",
    },
    { name: "no previous", defines: ["NO_PREVIOUS"], breaks: "4, 5:" },
    { name: "lead over a gap", defines: ["WRONG_LEAD_OVER_GAP"], breaks: "1:" },
    { name: "do not fill the gap", defines: ["NO_FILL", "AHEAD=2"], breaks: "a leader" },
    { name: "a window of requests", defines: ["WRONG_WINDOW_OF_REQUESTS"], breaks: "9:" },
    { name: "acknowledge out of order", defines: ["WRONG_ACKNOWLEDGE_EARLY"], breaks: "1:" },
    { name: "fail all on stepping down", defines: ["WRONG_FAIL_ALL"], breaks: "7:" },
    {
      name: "a read proved by a repeat",
      defines: ["WRONG_PROOF_BY_REPEAT", "READS"],
      breaks: "6:",
    },
    {
      name: "... by created, not committed",
      defines: ["WRONG_PROOF_BY_CREATED", "READS"],
      breaks: "6:",
    },
    { name: "... by a look past the tail", defines: ["WRONG_LOOK_AHEAD", "READS"], breaks: "6:" },
    { name: "no table of producers", defines: ["NO_TABLE", "PRODUCER"], breaks: "4, 5:" },
    {
      name: "the table as of the claim",
      defines: ["WRONG_TABLE_OF_CLAIM", "PRODUCER"],
      breaks: "4, 5:",
    },
  ],
  witnesses: [
    { name: "a dead entry goes out again", defines: ["NEVER_AGAIN"] },
    { name: "a fate without a claim", defines: ["NEVER_CERTAIN", "RESIGN"] },
  ],
};

const deletion: Model = {
  name: "deletion",
  configurations: [
    { name: "a reader, drift", defines: ["DRIFT"] },
    { name: "three writers", defines: ["WRITERS=3", "READERS=0", "GRACE=2"] },
    { name: "longer chains", defines: ["READERS=0", "POSITIONS=5", "BATCHES=2", "GRACE=2"] },
    {
      name: "longer chains, drift",
      defines: ["READERS=0", "POSITIONS=5", "BATCHES=2", "DRIFT"],
      long: true,
    },
    {
      name: "longer chains, a reader",
      defines: ["POSITIONS=5", "BATCHES=2", "GRACE=2"],
      long: true,
    },
    { name: "three writers, drift", defines: ["WRITERS=3", "READERS=0", "DRIFT"], long: true },
  ],
  controls: [
    { name: "every answer counts", defines: ["NO_ACCEPTANCE"], breaks: "6:" },
    { name: "every answer to a reader counts", defines: ["WRONG_READERS_TRUST"], breaks: "6:" },
    { name: "absence always counts", defines: ["WRONG_ABSENCE_IS_TRUSTED"], breaks: "6:" },
    { name: "judge when sent", defines: ["WRONG_JUDGE_WHEN_SENT"], breaks: "2:" },
    {
      name: "judge by the answer's position",
      defines: ["WRONG_JUDGE_AHEAD", "READERS=0", "POSITIONS=5", "BATCHES=2", "GRACE=2"],
      breaks: "6:",
    },
    { name: "anchor at the answer", defines: ["WRONG_ANCHOR_AT_ANSWER", "DRIFT"], breaks: "6:" },
    { name: "left behind is certain", defines: ["WRONG_LOST_IS_CERTAIN"], breaks: "7:" },
    {
      name: "archived is not below the floor",
      defines: ["WRONG_ARCHIVED_IS_NOT_FLOOR"],
      breaks: "6:",
    },
    { name: "delete without waiting", defines: ["NO_GRACE"], breaks: "6:" },
    { name: "fresh for all of G", defines: ["FRESH=GRACE", "DRIFT"], breaks: "6:" },
    { name: "clocks three to one", defines: ["GRACE=8", "WRONG_DRIFT_OF_THREE"], breaks: "6:" },
    { name: "clocks stop in sleep", defines: ["WRONG_CLOCK_SLEEPS"], breaks: "6:" },
  ],
  witnesses: [
    { name: "a leader is left behind", defines: ["NEVER_LOST"] },
    { name: "a ghost at a tail", defines: ["NEVER_GHOST"] },
  ],
};

const manifest: Model = {
  name: "manifest",
  configurations: [
    { name: "two writers", defines: [] },
    { name: "manifest 0 may go", defines: ["DELETE_ZERO"], long: true },
    { name: "three writers", defines: ["WRITERS=3", "ATTEMPTS=1"], long: true, hashed: true },
    { name: "three attempts", defines: ["ATTEMPTS=3"], long: true, hashed: true },
  ],
  controls: [
    { name: "probe the next number", defines: ["WRONG_PROBE"], breaks: "a manifest read" },
    { name: "no generation", defines: ["NO_GENERATION"], breaks: "a manifest read" },
    { name: "created or exists counts", defines: ["WRONG_ANSWER_COUNTS"], breaks: "what a writer" },
    {
      name: "old content, next number",
      defines: ["WRONG_KEEP_CONTENT"],
      breaks: "archives only grow",
    },
    { name: "delete before the read", defines: ["WRONG_DELETE_UNREAD"], breaks: "10: nothing" },
    { name: "delete the greatest", defines: ["WRONG_DELETE_GREATEST"], breaks: "a manifest read" },
    { name: "name before created", defines: ["WRONG_NAME_EARLY"], breaks: "10: each archive" },
    {
      name: "delete what is not named yet",
      defines: ["WRONG_DELETE_UNNAMED"],
      breaks: "10: each archive",
    },
  ],
  witnesses: [{ name: "a ghost of a writer that lost", defines: ["NEVER_GHOST"] }],
};

const checkpoint: Model = {
  name: "checkpoint",
  configurations: [
    { name: "five positions", defines: [] },
    { name: "six positions", defines: ["POSITIONS=6"], long: true },
  ],
  controls: [
    { name: "no epoch in it", defines: ["NO_EPOCH"], breaks: "a walk" },
    { name: "no term", defines: ["NO_TERM"], breaks: "a walk" },
    { name: "no last segment", defines: ["NO_LAST"], breaks: "a walk" },
    { name: "no next index", defines: ["NO_COUNT"], breaks: "a walk" },
    { name: "a floor past it", defines: ["WRONG_FLOOR_PAST_CHECKPOINT"], breaks: "a walk" },
    { name: "begin at the floor, without", defines: ["WRONG_WALK_FROM_FLOOR"], breaks: "a walk" },
  ],
  witnesses: [],
};

const election: Model = {
  name: "election",
  configurations: [
    { name: "two winners", defines: ["POSITIONS=2"] },
    { name: "two winners, longer", defines: [], long: true },
    { name: "three winners", defines: ["WINS=3", "POSITIONS=2"], long: true, hashed: true },
  ],
  controls: [
    {
      name: "a claim of an equal term counts",
      defines: ["WRONG_EQUAL_TERM", "TERMS=1"],
      breaks: "3:",
    },
    { name: "epochs without a nonce", defines: ["NO_NONCE"], breaks: "one process" },
    { name: "vote twice in a term", defines: ["WRONG_VOTE_TWICE"], breaks: "one wins" },
  ],
  witnesses: [{ name: "two win one term", defines: ["NEVER_TIE"] }],
};

export const models: readonly Model[] = [commit, deletion, manifest, checkpoint, election];
