/**
 * Work on many items at once, whose results come in the items' order.
 *
 * Invariant: at most `width` items, and at most `bytesMax` bytes of them or one item, are begun and not
 * yet taken.
 */

export interface InOrderOptions<Item, Result> {
  readonly run: (item: Item) => Promise<Result>;
  readonly sizeOf: (item: Item) => number;
  readonly width: number;
  readonly bytesMax: number;
}

interface Begun<Result> {
  readonly result: Promise<Result>;
  readonly size: number;
}

/** The results. Throws what an item's work throws when its turn comes; what is begun goes on. */
export async function* inOrder<Item, Result>(
  items: AsyncIterable<Item> | Iterable<Item>,
  options: InOrderOptions<Item, Result>,
): AsyncGenerator<Result, void> {
  const { run, sizeOf, width, bytesMax } = options;
  const begun: Begun<Result>[] = [];
  let bytes = 0;
  const take = async (): Promise<Result | undefined> => {
    const first = begun.shift();
    const result = await first?.result;
    bytes -= first?.size ?? 0;
    return result;
  };
  for await (const item of items) {
    const size = sizeOf(item);
    while (begun.length > 0 && (begun.length >= width || bytes + size > bytesMax)) {
      yield (await take()) as Result;
    }
    const result = run(item);
    // A failure is met when its turn comes, if it comes.
    result.catch(() => undefined);
    begun.push({ result, size });
    bytes += size;
  }
  while (begun.length > 0) yield (await take()) as Result;
}
