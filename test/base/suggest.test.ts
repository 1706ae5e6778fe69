/** Goal: a mistyped word finds its neighbour, a foreign one finds none. */
import { expect, test } from "vitest";
import { didYouMean, nearestWord } from "../../src/base/suggest.ts";

const KEYS = ["validators", "accounts", "limits", "rpc.port", "rpc.host"];

test.each([
  ["validater", "validators"],
  ["rpc.prot", "rpc.port"],
  ["Limits", "limits"],
  ["limit", "limits"],
])("%s finds %s", (word, expected) => {
  expect(nearestWord(word, KEYS)).toBe(expected);
});

test("a word that is nothing like the known ones finds none, however long it is", () => {
  expect(nearestWord("gas", KEYS)).toBeUndefined();
  expect(didYouMean("x".repeat(1_000_000), KEYS)).toBe("");
});
