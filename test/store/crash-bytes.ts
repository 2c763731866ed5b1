/** What a crashing process writes: large enough to be torn. */
export const crashBytes: Buffer = Buffer.alloc(300_000, "what was created, whole or not at all;");
