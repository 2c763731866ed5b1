/** The deliberate bugs that only readers of the store have: whether they alone are judged, too. */

import { mutant, type Mutant } from "./mutant.js";

/** Holds in the core of a reader. */
const isReader = 'this.#context.options.nodeId.startsWith("r")';

export const readerMutants: readonly Mutant[] = [
  mutant("5", "a reader of the store answers from what it holds", 50, [
    "reads.js",
    "const { proof } = this.#catchUp;",
    `const proof = ${isReader} ? Infinity : this.#catchUp.proof;`,
  ]),
  mutant("5", "a reader of the store takes an earlier look for its proof", 200, [
    "reads.js",
    "since: this.#context.nextRequest",
    `since: this.#context.nextRequest - (${isReader} ? 1 : 0)`,
  ]),
  {
    ...mutant("9", "a reader of the store trusts an old anchor", 100, [
      "acceptance.js",
      "return this.#context.ageMs - this.#anchorMs <",
      `return ${isReader} || this.#context.ageMs - this.#anchorMs <`,
    ]),
    profile: "life",
  },
  {
    ...mutant(
      "9",
      "a reader of the store is never left behind",
      100,
      [
        "answers.js",
        "if (manifest.floor.tail > this.#log.tail)",
        "if (manifest.floor.tail > this.#log.tail && !this.#isReader)",
      ],
      [
        "answers.js",
        "        this.#catchUp = catchUp;",
        `        this.#catchUp = catchUp;
        this.#isReader = context.options.nodeId.startsWith("r");`,
      ],
      ["answers.js", "    #catchUp;", "    #isReader;\n    #catchUp;"],
    ),
    profile: "life",
  },
];
