/**
 * JSON of large results, made piece by piece: between two of them everything else on the loop may have a turn. The text
 * is that of JSON.stringify; what lists hold is made of objects, arrays, texts, numbers, booleans and null.
 */

/** Elements of a list that are encoded at once: some tens of microseconds for a whole transaction each. */
const PIECE = 16;

/** @param pause lets others have their turn when it is time for that, see CallContext */
export async function jsonInPieces(value: unknown, pause: () => Promise<void>): Promise<string> {
  if (Array.isArray(value)) return `[${await pieces(value, pause)}]`;
  if (!hasLongList(value)) return JSON.stringify(value);
  const fields: string[] = [];
  for (const [name, field] of Object.entries(value)) {
    if (field !== undefined) fields.push(`${JSON.stringify(name)}:${await jsonInPieces(field, pause)}`);
  }
  return `{${fields.join(",")}}`;
}

async function pieces(list: readonly unknown[], pause: () => Promise<void>): Promise<string> {
  const texts: string[] = [];
  for (let from = 0; from < list.length; from += PIECE) {
    texts.push(JSON.stringify(list.slice(from, from + PIECE)).slice(1, -1));
    await pause();
  }
  return texts.join(",");
}

function hasLongList(value: unknown): value is object {
  if (typeof value !== "object" || value === null || "toJSON" in value) return false;
  return Object.values(value).some(
    (field) => (Array.isArray(field) && field.length > PIECE) || hasLongList(field),
  );
}
