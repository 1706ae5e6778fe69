/**
 * Lines for a terminal, in which our own colours are told apart from the text of others by construction: a style is
 * written as a mark that holds a number drawn when the process starts, and everything else on a line is escaped when
 * it is printed. So no value that gets into a line, whoever wrote it, can colour, move the cursor or end the line.
 */
import { randomBytes } from "node:crypto";
import { inspect } from "node:util";
import stringWidth from "string-width";
import { must } from "../base/assert.ts";
import { printable } from "../base/printable.ts";

/** Text of one line, or of several. A line break within a line is escaped: what has several lines is a list of them. */
export type Text = string | readonly string[];

export type Style = "bold" | "dim" | "green" | "red" | "yellow" | "cyan";

/** Private-use characters: a text of others that holds them is escaped, for it cannot know the number. */
const [BEGIN, END] = ["\u{f0000}", "\u{f0001}"];
const SECRET = randomBytes(8).toString("hex");
const MARK = new RegExp(`${BEGIN}${SECRET}:([0-9]+)${END}`, "gu");

export function paint(style: Style, text: string): string {
  const [on, off] = must(inspect.colors[style], "Node knows these colours");
  return `${mark(on)}${text}${mark(off)}`;
}

function mark(code: number): string {
  return `${BEGIN}${SECRET}:${code}${END}`;
}

/** The line as a terminal gets it: everything escaped, our marks as colours, or left out where it is none. */
export function render(line: string, isTerminal: boolean): string {
  return line
    .split(MARK)
    .map((part, i) => (i % 2 === 0 ? printable(part) : isTerminal ? `\u001b[${part}m` : ""))
    .join("");
}

/** Columns that a line takes when it is printed: without its colours, a wide character is two. */
export function displayWidth(line: string): number {
  return stringWidth(render(line, false));
}

/** The line, or as much of it as fits into `columns` and an ellipsis. */
export function cut(line: string, columns: number): string {
  if (displayWidth(line) <= columns) return line;
  let left = Math.max(0, columns - 1);
  const parts = line.split(MARK).map((part, i) => {
    if (i % 2 === 1) return mark(Number(part));
    const [text, width] = head(printable(part), left);
    left -= width;
    // Nothing behind the place of the cut, although a narrower character would fit.
    if (text !== printable(part)) left = 0;
    return text;
  });
  return `${parts.join("")}…`;
}

/** A text of any length in pieces of at most `columns`, whatever stands there. */
export function fold(line: string, columns: number): readonly string[] {
  if (displayWidth(line) <= columns) return [line];
  const pieces: string[] = [];
  for (let rest = render(line, false); rest !== ""; ) {
    const [first, width] = head(rest, columns);
    const piece = width === 0 ? rest : first;
    pieces.push(piece);
    rest = rest.slice(piece.length);
  }
  return pieces;
}

/** Parts of a line, `gap` between two, over as many lines as they need. */
export function flow(parts: readonly string[], columns: number, gap = "  "): readonly string[] {
  const lines: string[] = [];
  for (const part of parts) {
    const longer = lines.length === 0 ? part : `${lines.at(-1)}${gap}${part}`;
    if (lines.length === 0 || displayWidth(longer) > columns) lines.push(part);
    else lines[lines.length - 1] = longer;
  }
  return lines;
}

// Made where it is needed: it costs 15 ms, more than most commands have to compute.
let segmenter: Intl.Segmenter | undefined;

/** The longest beginning within `columns`, and its width. Characters that are drawn as one stay together. */
function head(text: string, columns: number): readonly [string, number] {
  let [taken, width] = ["", 0];
  segmenter ??= new Intl.Segmenter();
  for (const { segment } of segmenter.segment(text)) {
    const more = stringWidth(segment);
    if (width + more > columns) break;
    taken += segment;
    width += more;
  }
  return [taken, width];
}
