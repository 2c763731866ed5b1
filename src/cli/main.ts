#!/usr/bin/env node
/** The entry of the command line. */

import { reportFailure } from "./failure-report.js";
import { endWhenReaderLeaves, flush } from "./output.js";
import { createProgram } from "./program.js";

endWhenReaderLeaves();
process.on("uncaughtException", (error) => {
  process.exit(reportFailure(error));
});
let exitCode = 0;
try {
  const program = await createProgram(process.argv.slice(2));
  await program.parseAsync();
} catch (error) {
  exitCode = reportFailure(error);
}
await flush();
// Not left to the event loop: a connection or a standard input may be open still.
process.exit(exitCode);
