/**
 * What JSON.parse does not tell of a text that it accepts: that a key stands twice in an object, of which it takes the
 * last, and how a number was written, which it rounds. Iterative, so that no depth of nesting overflows the stack.
 */

/** A key of an object in the text. */
interface Member {
  readonly key: string;
  /** Where the value's first character stands. */
  readonly at: number;
  /** How deep it lies; 1 means in the outermost object or list. */
  readonly depth: number;
  /** Which item of an outermost list it is in. */
  readonly item: number;
}

/** @param json a text that JSON.parse accepts. @returns the first key that stands twice in one object */
export function duplicateKey(json: string): string | undefined {
  const keys: (Set<string> | undefined)[] = [];
  for (const { key, depth, isFirst } of members(json)) {
    if (isFirst) keys[depth] = undefined;
    keys[depth] ??= new Set();
    if (keys[depth].has(key)) return key;
    keys[depth].add(key);
  }
  return undefined;
}

/**
 * How numbers under a key were written, by the item of an outermost list, or under 0 of an outermost object.
 * @param json a text that JSON.parse accepts
 */
export function numbersUnder(key: string, json: string): ReadonlyMap<number, string> {
  const level = /^\s*\[/.test(json) ? 2 : 1;
  const numbers = new Map<number, string>();
  for (const member of members(json)) {
    if (member.depth !== level || member.key !== key) continue;
    NUMBER.lastIndex = member.at;
    const written = NUMBER.exec(json)?.[0];
    // As JSON.parse does: the last one counts.
    const item = level === 1 ? 0 : member.item;
    if (written === undefined) numbers.delete(item);
    else numbers.set(item, written);
  }
  return numbers;
}

const NUMBER = /-?[0-9][0-9.eE+-]*/y;

function* members(json: string): Generator<Member & { readonly isFirst: boolean }> {
  let depth = 0;
  let item = 0;
  let isFirst = false;
  for (let at = 0; at < json.length; at++) {
    switch (json[at]) {
      case "{":
        isFirst = true;
        depth++;
        break;
      case "[":
        depth++;
        break;
      case "}":
      case "]":
        depth--;
        isFirst = false;
        break;
      case ",":
        if (depth === 1) item++;
        break;
      case '"': {
        const end = endOfString(json, at);
        const colon = skipSpace(json, end);
        if (json[colon] === ":") {
          const key = JSON.parse(json.slice(at, end)) as string;
          yield { key, at: skipSpace(json, colon + 1), depth, item, isFirst };
          isFirst = false;
          at = colon;
        } else at = end - 1;
      }
    }
  }
}

/** One past the closing quotation mark. */
function endOfString(json: string, start: number): number {
  for (let at = start + 1; at < json.length; at++) {
    if (json[at] === "\\") at++;
    else if (json[at] === '"') return at + 1;
  }
  return json.length;
}

function skipSpace(json: string, start: number): number {
  let at = start;
  while (json[at] === " " || json[at] === "\n" || json[at] === "\r" || json[at] === "\t") at++;
  return at;
}
