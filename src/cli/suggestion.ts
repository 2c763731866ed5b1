/** Finds the word that a mistyped one was probably meant to be. */

/** The number of letters to insert, remove, replace or swap to turn one word into the other. */
function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= b.length; column += 1) {
      const same = a[row - 1] === b[column - 1];
      let best = Math.min(
        (last[column] ?? 0) + 1,
        (current[column - 1] ?? 0) + 1,
        (last[column - 1] ?? 0) + (same ? 0 : 1),
      );
      if (a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1]) {
        best = Math.min(best, (beforeLast[column - 2] ?? best) + 1);
      }
      current.push(best);
    }
    beforeLast = last;
    last = current;
  }
  return last[b.length] ?? 0;
}

/** A longer word was meant to be none of ours, and to compare it takes long. */
const wordLengthMax = 64;

function plain(word: string): string {
  return word.toLowerCase().replace(/[-_]/g, "");
}

/** The known word closest to `word`, or undefined if none is close. Case, `-` and `_` do not count. */
export function suggest(word: string, known: readonly string[]): string | undefined {
  if (word.length > wordLengthMax) return undefined;
  const { length } = plain(word);
  const allowed = Math.max(1, Math.floor(length / 3));
  const ranked = known
    // Each letter more or less is an edit.
    .filter((candidate) => Math.abs(plain(candidate).length - length) <= allowed)
    .map((candidate) => ({ candidate, distance: editDistance(plain(word), plain(candidate)) }))
    .sort((a, b) => a.distance - b.distance);
  const best = ranked[0];
  return best !== undefined && best.distance <= allowed ? best.candidate : undefined;
}
