/** Names in SQL: snake case of the names that declarations have, and quoting. */
import { hex, utf8 } from "../base/bytes.ts";
import { sha256 } from "../crypto/hash.ts";

/** Bytes of an identifier of PostgreSQL, which cuts off the rest of a longer one without a word. */
const IDENTIFIER_BYTES_MAX = 63;
/** What longer names that histories and indexes get from a table's add to it. */
const ROOM = 12;

/** `lastOwner` is last_owner. Two names that differ never become equal: declared ones hold no underscore. */
function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** A table's name, cut to what has room for longer names made of it: then the hash of the whole keeps it apart. */
export function tableName(...parts: readonly string[]): string {
  const whole = parts.map(snakeCase).join("_");
  const max = IDENTIFIER_BYTES_MAX - ROOM;
  return whole.length <= max ? whole : `${whole.slice(0, max - 9)}_${hex(sha256(utf8(whole))).slice(0, 8)}`;
}

/** A column's name; a field of a struct stands behind two underscores. */
export function columnName(path: readonly string[]): string {
  const whole = path.map(snakeCase).join("__");
  if (whole.length <= IDENTIFIER_BYTES_MAX) return whole;
  return `${whole.slice(0, IDENTIFIER_BYTES_MAX - 9)}_${hex(sha256(utf8(whole))).slice(0, 8)}`;
}

export function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
