/**
 * How a bounded map or set makes room: a Map and a Set keep the order in which their keys were put in, so the first
 * key is the oldest.
 */

/** Removes the key that was put in first; nothing happens when there is none. */
export function dropOldest<K>(held: Map<K, unknown> | Set<K>): void {
  for (const oldest of held.keys()) {
    held.delete(oldest);
    return;
  }
}
