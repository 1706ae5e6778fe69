/**
 * "Did you mean": the nearest of the known words to a mistyped one. Used wherever an unknown key or name is refused.
 * Distance: Damerau-Levenshtein, restricted form (insert, delete, replace, swap neighbours each cost 1).
 */
import { must } from "./assert.ts";

/** The nearest candidate within a third of the word's length (at least 1, at most 3 edits), or undefined. */
export function nearestWord(word: string, candidates: Iterable<string>): string | undefined {
  let best: string | undefined;
  let bestDistance = Math.min(3, Math.max(1, Math.floor(word.length / 3))) + 1;
  for (const candidate of candidates) {
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase());
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  return best;
}

/** Returns `; did you mean "x"?`, or an empty text where nothing is near. */
export function didYouMean(word: string, candidates: Iterable<string>): string {
  const nearest = nearestWord(word.slice(0, WORD_LENGTH_MAX), candidates);
  return nearest === undefined ? "" : `; did you mean "${nearest}"?`;
}

/** The comparison costs length times length: a longer word is cut. */
const WORD_LENGTH_MAX = 64;

function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const replace = at(last, j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1);
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      const swap = swapped ? at(beforeLast, j - 2) + 1 : Number.POSITIVE_INFINITY;
      row.push(Math.min(at(last, j) + 1, at(row, j - 1) + 1, replace, swap));
    }
    [beforeLast, last] = [last, row];
  }
  return at(last, b.length);
}

function at(row: readonly number[], index: number): number {
  return must(row[index], "a row has a distance for each beginning of the word");
}
