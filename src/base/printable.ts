/**
 * Text of others (a memo, a name, an error of a node, a file's name) made fit to be shown: on one line, and with
 * nothing in it that a terminal or a browser obeys or hides. Whatever shows such text sends it through here.
 *
 * Escaped are control characters (C0, DEL, C1), line and paragraph separators, format characters (the bidirectional
 * controls, zero-width spaces and joiners, the byte order mark, tags), every other character that Unicode calls
 * ignorable, private-use and unassigned characters, and lone surrogates. What makes one emoji of several characters
 * stays. A backslash stays as it is, so the escapes say what was there, but are no encoding to be read back.
 */
import { must } from "./assert.ts";

const PLAIN = /^[\x20-\x7e]*$/;

const EMOJI_PARTS = [
  // A variation selector that asks for the coloured form, also within a keycap.
  /(?<=\p{Extended_Pictographic})\uFE0F/u,
  /(?<=[0-9#*])\uFE0F(?=\u20E3)/u,
  // A joiner between two pictures.
  /(?<=\p{Extended_Pictographic}[\u{1F3FB}-\u{1F3FF}\uFE0F]?)\u200D(?=\p{Extended_Pictographic})/u,
];
const HIDDEN = /[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/u;
const EMOJI_PART_OR_HIDDEN = new RegExp(
  `(?<part>${EMOJI_PARTS.map(({ source }) => source).join("|")})|${HIDDEN.source}`,
  "gu",
);
const EVERY_HIDDEN = new RegExp(HIDDEN.source, "gu");

const SHORT: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };

/** Writes `text` on one line, with each character that acts or hides as `\n`, `\x1b` or `\u{202e}`. */
export function printable(text: string): string {
  if (PLAIN.test(text)) return text;
  return text.replace(EMOJI_PART_OR_HIDDEN, (character, part: string | undefined) =>
    part === undefined ? escapeCharacter(character) : character,
  );
}

function escapeCharacter(character: string): string {
  const code = must(character.codePointAt(0), "what was found is a character");
  const hex = code.toString(16);
  return SHORT[character] ?? (code < 0x100 ? `\\x${hex.padStart(2, "0")}` : `\\u{${hex}}`);
}

/**
 * JSON text with the same characters as `\u` escapes: the same value, fit to be shown.
 * @param json without line breaks of its own, or with those that only lay it out
 */
export function printableJson(json: string): string {
  if (PLAIN.test(json)) return json;
  return json.replace(EVERY_HIDDEN, (character) => (character === "\n" ? character : escapeUnits(character)));
}

function escapeUnits(character: string): string {
  return Array.from(
    { length: character.length },
    (_, i) => `\\u${character.charCodeAt(i).toString(16).padStart(4, "0")}`,
  ).join("");
}
