/**
 * A timeline of views as SVG text: a row for each replica, virtual time from left to right, the row's colour is the
 * view that it works in, marks are proposals, commits, view changes and evidence. Colours are the page's, as in svg.ts.
 */
import type { Note } from "./federation.ts";
import { escapeText } from "./svg.ts";

export interface Timeline {
  readonly title: string;
  readonly description: string;
  /** A name for each row, from the top. */
  readonly rows: readonly string[];
  readonly notes: readonly Note[];
  readonly endMs: number;
  /** Intervals to be shaded, such as a partition. */
  readonly spans?: readonly { readonly fromMs: number; readonly untilMs: number; readonly name: string }[];
}

const WIDTH = 720;
const LEFT = 58;
const RIGHT = 12;
const TOP = 20;
const ROW = 34;
const BAND = 22;
const COLORS = 8;
/** Marks of one kind in one row that would fall onto each other are drawn once. */
const MARK_GAP = 1.5;

export function timeline({ title, description, rows, notes, endMs, spans = [] }: Timeline): string {
  const bottom = TOP + rows.length * ROW;
  const height = bottom + 66;
  const place = (ms: number) => LEFT + (Math.min(ms, endMs) / endMs) * (WIDTH - LEFT - RIGHT);
  return [
    `<svg class="wide" style="min-width:${WIDTH * 0.8}px" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${escapeText(title)}">`,
    `<title>${escapeText(title)}</title><desc>${escapeText(description)}</desc>`,
    ...spans.map(({ fromMs, untilMs, name }) => shade(place(fromMs), place(untilMs), bottom, name)),
    ...rows.map((name, row) =>
      drawRow(
        name,
        row,
        notes.filter(({ node }) => node === row),
        place,
        endMs,
      ),
    ),
    ...ticks(endMs).map(
      (ms) =>
        `<path class="axis" d="M${fixed(place(ms))} ${bottom}v5"/>${text(place(ms), bottom + 18, `${ms / 1_000} s`, "middle")}`,
    ),
    legend(bottom + 34, notes),
    "</svg>",
  ].join("\n");
}

function shade(from: number, until: number, bottom: number, name: string): string {
  return `<rect class="shade" x="${fixed(from)}" y="${TOP - 4}" width="${fixed(until - from)}" height="${bottom - TOP + 4}"/>${text((from + until) / 2, 12, name, "middle")}`;
}

function drawRow(
  name: string,
  row: number,
  own: readonly Note[],
  place: (ms: number) => number,
  endMs: number,
): string {
  const y = TOP + row * ROW;
  const views = [{ atMs: 0, view: 0 }, ...own.filter(({ kind }) => kind === "view")];
  const bands = views.map(({ atMs, view }, i) => {
    const [from, until] = [place(atMs), place(views[i + 1]?.atMs ?? endMs)];
    const label = until - from > 22 ? text((from + until) / 2, y + BAND / 2 + 4, String(view), "middle") : "";
    return `<rect class="band s${view % COLORS}" x="${fixed(from)}" y="${y}" width="${fixed(Math.max(0.5, until - from))}" height="${BAND}"/>${label}`;
  });
  const marks = (["commit", "proposal", "view-change", "evidence"] as const).flatMap((kind) => {
    let last = Number.NEGATIVE_INFINITY;
    return own.flatMap((note) => {
      const x = place(note.atMs);
      if (note.kind !== kind || x - last < MARK_GAP) return [];
      last = x;
      return [MARKS[kind](x, y)];
    });
  });
  return [text(LEFT - 6, y + BAND / 2 + 4, name, "end"), ...bands, ...marks].join("");
}

const MARKS: Readonly<Record<Exclude<Note["kind"], "view">, (x: number, y: number) => string>> = {
  commit: (x, y) => `<path class="tick" d="M${fixed(x)} ${y + BAND}v5"/>`,
  proposal: (x, y) => `<circle class="ink" cx="${fixed(x)}" cy="${y + 3.5}" r="1.8"/>`,
  "view-change": (x, y) => `<path class="flag" d="M${fixed(x)} ${y - 3}v${BAND + 6}"/>`,
  evidence: (x, y) => `<path class="alarm" d="M${fixed(x)} ${y - 5}l5 9h-10z"/>`,
};

function legend(y: number, notes: readonly Note[]): string {
  const seen = new Set(notes.map(({ kind }) => kind));
  const items = [
    [
      true,
      (x: number) => `<rect class="band s0" x="${x}" y="${y - 9}" width="16" height="12"/>`,
      "view (its number)",
    ],
    [
      seen.has("proposal"),
      (x: number) => `<circle class="ink" cx="${x + 8}" cy="${y - 3}" r="2.4"/>`,
      "proposal",
    ],
    [seen.has("commit"), (x: number) => `<path class="tick" d="M${x + 8} ${y - 8}v9"/>`, "commit"],
    [
      seen.has("view-change"),
      (x: number) => `<path class="flag" d="M${x + 8} ${y - 11}v15"/>`,
      "asks for a view",
    ],
    [
      seen.has("evidence"),
      (x: number) => `<path class="alarm" d="M${x + 8} ${y - 9}l5 9h-10z"/>`,
      "evidence",
    ],
  ] as const;
  const shown = items.filter(([isSeen]) => isSeen);
  return shown
    .map(([, draw, name], i) => {
      const x = LEFT + i * 132;
      return draw(x) + text(x + 22, y + 1, name, "start");
    })
    .join("");
}

/** Five to ten whole parts of a second. */
function ticks(endMs: number): number[] {
  const step =
    [100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 60_000].find((each) => endMs / each <= 10) ??
    300_000;
  return Array.from({ length: Math.floor(endMs / step) + 1 }, (_, i) => i * step);
}

function text(x: number, y: number, content: string, anchor: "start" | "middle" | "end"): string {
  return `<text x="${fixed(x)}" y="${fixed(y)}" text-anchor="${anchor}">${escapeText(content)}</text>`;
}

function fixed(value: number): string {
  return String(Number(value.toFixed(1)));
}
