/**
 * Tables for people, as wide as the terminal allows: columns side by side with two spaces between, or one; where the
 * terminal is too narrow for that each row becomes a block of lines, a name and a value each, and nothing is lost.
 */
import { displayWidth, fold } from "./styled-text.ts";
import { columnsOf } from "./terminal.ts";

const INDENT = "  ";
/** Columns for a value in a block, however narrow the terminal is. */
const VALUE_COLUMNS_MIN = 8;

/**
 * The lines of a table, each column as wide as its widest cell.
 * @param columns to fit into; more are used only where they are too few for a name and a short value
 */
export function table(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  columns: number = columnsOf("stdout"),
): readonly string[] {
  const widths = head.map((title, i) =>
    Math.max(displayWidth(title), ...rows.map((row) => displayWidth(row[i] ?? ""))),
  );
  const cells = widths.reduce((sum, width) => sum + width, INDENT.length);
  const gap = ["  ", " "].find(({ length }) => cells + length * (widths.length - 1) <= columns);
  if (gap === undefined) return blocks(head, rows, columns);
  return [head, ...rows].map((row) =>
    `${INDENT}${widths.map((width, i) => pad(row[i] ?? "", width)).join(gap)}`.trimEnd(),
  );
}

/** The text and as many spaces as it lacks to that width. */
function pad(text: string, columns: number): string {
  return text + " ".repeat(Math.max(0, columns - displayWidth(text)));
}

function blocks(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  columns: number,
): readonly string[] {
  const titles = Math.max(...head.map(displayWidth));
  const rest = Math.max(VALUE_COLUMNS_MIN, columns - INDENT.length - titles - 1);
  return rows.flatMap((row, at) => [
    ...(at === 0 ? [] : [""]),
    ...head.flatMap((title, i) =>
      fold(row[i] ?? "", rest).map((piece, line) =>
        `${INDENT}${pad(line === 0 ? title : "", titles)} ${piece}`.trimEnd(),
      ),
    ),
  ]);
}
