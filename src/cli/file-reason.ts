/** Why a file cannot be read or written, for people. */

const reasons: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file",
  EACCES: "no permission",
  EEXIST: "it is there already",
  EISDIR: "it is a directory",
  ENOSPC: "the disk is full",
};

export function reasonOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  return reasons[code ?? ""] ?? message;
}
