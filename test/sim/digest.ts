/** The digest of a log's prefix: FNV-1a, 32 bits, over each append's number in decimal and a comma. */

/** Of the empty log. */
export const emptyDigest = 0x811c9dc5;

/** Of the log after one more append. */
export function digestOf(before: number, appendId: number): number {
  const text = `${appendId},`;
  let digest = before;
  for (let at = 0; at < text.length; at++) {
    digest = Math.imul(digest ^ text.charCodeAt(at), 0x01000193);
  }
  return digest >>> 0;
}
