/** What has gathered while a message was leaving, cut into the next one. */

/** How much goes into a message, if it is more than one thing. */
export interface MessageBound {
  readonly count: number;
  readonly bytes: number;
}

/** Takes as many from the front as go into a message; at least one, if there is any. */
export function takeGathered<T>(
  gathered: T[],
  bound: MessageBound,
  sizeOf: (one: T) => number,
): readonly T[] {
  let count = 0;
  let bytes = 0;
  for (const one of gathered) {
    bytes += sizeOf(one);
    if (count === bound.count || (count > 0 && bytes > bound.bytes)) break;
    count++;
  }
  return gathered.splice(0, count);
}
