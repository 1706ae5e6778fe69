/**
 * A timeline of views as SVG text: a row for each replica, virtual time from left to right, the row's colour is the
 * view that it works in, marks are proposals, commits, view changes and evidence. Colours are the page's, as in svg.ts.
 */
import type { Note } from "../pbft/pbft-cluster.ts";
import { escapeText } from "./svg.ts";

export interface Timeline {
  readonly title: string;
  readonly description: string;
  /** A name for each row, from the top. */
  readonly rows: readonly string[];
  readonly notes: readonly Note[];
  readonly endMs: number;
  /** Replicas that stopped for good. */
  readonly stops?: readonly { readonly node: number; readonly atMs: number }[];
  /** Intervals to be shaded, such as a partition. */
  readonly spans?: readonly { readonly fromMs: number; readonly untilMs: number; readonly name: string }[];
}

const WIDTH = 960;
const RIGHT = 18;
/** The width of a character, at most. */
const LETTER = 7.2;
const TOP = 20;
const ROW = 34;
const BAND = 22;
const COLORS = 8;
/** Marks of one kind in one row that would fall onto each other are drawn once. */
const MARK_GAP = 1.5;

export function timeline({
  title,
  description,
  rows,
  notes,
  endMs,
  stops = [],
  spans = [],
}: Timeline): string {
  const bottom = TOP + rows.length * ROW;
  const height = bottom + 46;
  const left = Math.round(12 + LETTER * Math.max(...rows.map((name) => name.length)));
  const place = (ms: number) => left + (Math.min(ms, endMs) / endMs) * (WIDTH - left - RIGHT);
  return [
    `<svg class="wide full" style="min-width:${WIDTH * 0.75}px" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${escapeText(title)}">`,
    `<title>${escapeText(title)}</title><desc>${escapeText(description)}</desc>`,
    ...spans.map(({ fromMs, untilMs, name }) => shade(place(fromMs), place(untilMs), bottom, name)),
    ...rows.map((name, row) =>
      drawRow({
        name,
        y: TOP + row * ROW,
        left,
        own: notes.filter(({ node }) => node === row),
        place,
        endMs,
        stopMs: stops.find(({ node }) => node === row)?.atMs,
      }),
    ),
    ...ticks(endMs).map(
      (ms) =>
        `<path class="axis" d="M${fixed(place(ms))} ${bottom}v5"/>${text(place(ms), bottom + 18, `${ms / 1_000} s`, "middle")}`,
    ),
    legend(left, bottom + 38, notes, stops.length > 0),
    "</svg>",
  ].join("\n");
}

function shade(from: number, until: number, bottom: number, name: string): string {
  return `<rect class="shade" x="${fixed(from)}" y="${TOP - 4}" width="${fixed(until - from)}" height="${bottom - TOP + 4}"/>${text((from + until) / 2, 12, name, "middle")}`;
}

interface Row {
  readonly name: string;
  /** Upper edge of its band. */
  readonly y: number;
  readonly left: number;
  readonly own: readonly Note[];
  readonly place: (ms: number) => number;
  readonly endMs: number;
  readonly stopMs: number | undefined;
}

function drawRow({ name, y, left, own, place, endMs, stopMs }: Row): string {
  const views = [{ atMs: 0, view: 0 }, ...own.filter(({ kind }) => kind === "view")];
  const bands = views.map(({ atMs, view }, i) => {
    const [from, until] = [place(atMs), place(views[i + 1]?.atMs ?? stopMs ?? endMs)];
    const label = until - from > 22 ? text((from + until) / 2, y + BAND - 5, String(view), "middle") : "";
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
  const stop = stopMs === undefined ? "" : stopSign(place(stopMs), y + BAND / 2);
  return [text(left - 6, y + BAND / 2 + 4, name, "end"), ...bands, ...marks, stop].join("");
}

const MARKS: Readonly<Record<Exclude<Note["kind"], "view">, (x: number, y: number) => string>> = {
  commit: (x, y) => `<path class="tick" d="M${fixed(x)} ${y + BAND}v5"/>`,
  proposal: (x, y) => `<circle class="ink" cx="${fixed(x)}" cy="${y + 3.5}" r="1.8"/>`,
  "view-change": (x, y) => `<path class="flag" d="M${fixed(x)} ${y - 3}v${BAND + 6}"/>`,
  evidence: (x, y) => `<path class="alarm" d="M${fixed(x)} ${y - 5}l5 9h-10z"/>`,
};

function stopSign(x: number, y: number): string {
  return `<path class="stop" d="M${fixed(x - 5)} ${y - 5}l10 10m0 -10l-10 10"/>`;
}

function legend(left: number, y: number, notes: readonly Note[], hasStops: boolean): string {
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
    [hasStops, (x: number) => stopSign(x + 8, y - 4), "stopped"],
  ] as const;
  const shown = items.filter(([isSeen]) => isSeen);
  let x = left;
  return shown
    .map(([, draw, name]) => {
      const item = draw(x) + text(x + 22, y + 1, name, "start");
      x += 40 + LETTER * name.length;
      return item;
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
