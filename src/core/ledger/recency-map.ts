/**
 * A map that knows which of its keys was used least recently. (A plain Map keeps an order, too, but
 * finding its first key takes longer the more were deleted before it.)
 *
 * Invariant: every operation takes the same time, however much the map holds and has held.
 */

interface Place<K, V> {
  readonly key: K;
  value: V;
  older: Place<K, V> | undefined;
  newer: Place<K, V> | undefined;
}

export class RecencyMap<K, V> {
  readonly #places = new Map<K, Place<K, V>>();
  #oldest: Place<K, V> | undefined;
  #newest: Place<K, V> | undefined;

  get size(): number {
    return this.#places.size;
  }

  /** The key's value. That does not count as a use. */
  get(key: K): V | undefined {
    return this.#places.get(key)?.value;
  }

  /** The key's value; the key is now the most recently used. */
  use(key: K): V | undefined {
    const place = this.#places.get(key);
    if (place === undefined) return undefined;
    this.#unlink(place);
    this.#link(place);
    return place.value;
  }

  /** Sets the key's value; the key is now the most recently used. */
  set(key: K, value: V): void {
    let place = this.#places.get(key);
    if (place === undefined) {
      place = { key, value, older: undefined, newer: undefined };
      this.#places.set(key, place);
    } else {
      place.value = value;
      this.#unlink(place);
    }
    this.#link(place);
  }

  /** Takes the least recently used key out. */
  dropOldest(): [key: K, value: V] | undefined {
    const place = this.#oldest;
    if (place === undefined) return undefined;
    this.#unlink(place);
    this.#places.delete(place.key);
    return [place.key, place.value];
  }

  /** The least recently used first. */
  *[Symbol.iterator](): Generator<readonly [key: K, value: V]> {
    for (let place = this.#oldest; place !== undefined; place = place.newer) {
      yield [place.key, place.value];
    }
  }

  #link(place: Place<K, V>): void {
    place.older = this.#newest;
    place.newer = undefined;
    if (this.#newest === undefined) this.#oldest = place;
    else this.#newest.newer = place;
    this.#newest = place;
  }

  #unlink({ older, newer }: Place<K, V>): void {
    if (older === undefined) this.#oldest = newer;
    else older.newer = newer;
    if (newer === undefined) this.#newest = older;
    else newer.older = older;
  }
}
