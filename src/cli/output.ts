/**
 * Standard output of the commands that print data.
 *
 * Invariant: what a reader does not take is not read from the log: `write` waits for it.
 * Invariant: a reader that goes away (`| head`) ends the command silently.
 */

import { once } from "node:events";

/** Ends the command when the reader of standard output has gone: there is nothing left to do. */
export function endWhenReaderLeaves(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "EPIPE") {
        process.exit(0);
      }
      process.exit(1);
    });
  }
}

/** Writes, and waits until the reader has room for more. */
export async function write(data: string | Uint8Array): Promise<void> {
  if (data.length > 0 && !process.stdout.write(data)) {
    await once(process.stdout, "drain");
  }
}

/** Resolves once everything written has been handed to the system. */
export async function flush(): Promise<void> {
  for (const stream of [process.stdout, process.stderr]) {
    if (stream.writableLength > 0) {
      await new Promise((resolve) => stream.write("", resolve));
    }
  }
}
