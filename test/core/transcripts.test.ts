/** Golden transcripts: SURAFT_UPDATE=1 writes them anew, to be read before they are committed. */

import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { expect } from "chai";
import { runTranscript } from "./transcript.js";

const directory = new URL("../../../test/core/transcripts/", import.meta.url);
const isUpdate = process.env["SURAFT_UPDATE"] === "1" && process.env["CI"] === undefined;

describe("transcripts", () => {
  const files = readdirSync(directory).filter((file) => file.endsWith(".txt"));
  for (const file of files.toSorted()) {
    const url = new URL(file, directory);
    const text = readFileSync(url, "utf8");
    const [title = ""] = text.split("\n");
    it(`${file}: ${title.replace(/^# /, "")}`, () => {
      const run = runTranscript(text);
      if (isUpdate) writeFileSync(url, run);
      else expect(run).to.equal(text);
    });
  }
});
