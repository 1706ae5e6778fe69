/**
 * A schedule of the simulator as SVG text: a line for each node, virtual time from left to right, the line's colour is
 * the primary of the view that the node works in. Messages are arrows, in views of short times; dashed: never arrived.
 */
import type { RecordedMessage, RecordedNote } from "../../sim/recorder.ts";
import { escapeText } from "./svg.ts";

export interface ScheduleFigure {
  readonly title: string;
  readonly nodes: number;
  /** Validators: the primary of view v is v modulo their number. */
  readonly validators: number;
  readonly fromMs: number;
  readonly untilMs: number;
  readonly notes: readonly RecordedNote[];
  /** The messages, of which an overview shows none. */
  readonly messages: readonly RecordedMessage[];
  /** Faults of the schedule, and the moment of a violation. */
  readonly spans: readonly { readonly name: string; readonly fromMs: number; readonly untilMs: number }[];
}

const [WIDTH, LEFT, RIGHT, TOP, BAND] = [960, 64, 16, 20, 14];
const SPAN_ROW = 16;
/** Rows of faults in one picture. */
export const SPANS_MAX = 24;
const MESSAGE_COLORS: Readonly<Record<string, number>> = {
  "pre-prepare": 1,
  prepare: 0,
  commit: 2,
  "view-change": 3,
  "new-view": 4,
};

export function scheduleFigure(figure: ScheduleFigure): string {
  const { title, nodes, fromMs, untilMs, messages, spans } = figure;
  const row = messages.length > 0 ? 62 : 32;
  const place = (ms: number) =>
    LEFT +
    ((Math.min(Math.max(ms, fromMs), untilMs) - fromMs) / Math.max(1, untilMs - fromMs)) *
      (WIDTH - LEFT - RIGHT);
  const line = (node: number) => TOP + node * row;
  const bottom = TOP + nodes * row;
  const shown = spans.filter((each) => each.untilMs >= fromMs && each.fromMs <= untilMs).slice(0, SPANS_MAX);
  const height = bottom + 30 + shown.length * SPAN_ROW;
  const ticks = roundTimes(fromMs, untilMs);
  return [
    `<svg class="wide full" style="min-width:720px" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${escapeText(title)}"><title>${escapeText(title)}</title>`,
    ...Array.from({ length: nodes }, (_, node) => drawNode(figure, node, line(node), place)),
    ...messages.map((message) => arrow(message, line, place)),
    ...ticks.map(
      (ms) =>
        `<path class="axis" d="M${fixed(place(ms))} ${bottom - 6}v5"/>${text(place(ms), bottom + 12, `${ms} ms`, "middle")}`,
    ),
    ...shown.map((span, i) => drawSpan(span, bottom + 26 + i * SPAN_ROW, place)),
    "</svg>",
  ].join("\n");
}

/** Multiples of 1, 2 or 5 times a power of ten, ten at most. */
function roundTimes(fromMs: number, untilMs: number): readonly number[] {
  const least = Math.max(1, (untilMs - fromMs) / 9);
  const power = 10 ** Math.floor(Math.log10(least));
  const step = power * ([1, 2, 5].find((factor) => factor * power >= least) ?? 10);
  const first = Math.ceil(fromMs / step);
  return Array.from({ length: Math.floor(untilMs / step) - first + 1 }, (_, i) => (first + i) * step);
}

type Place = (ms: number) => number;

function drawNode(figure: ScheduleFigure, node: number, y: number, place: Place): string {
  const own = figure.notes.filter((note) => note.node === node);
  const moves = [{ atMs: 0, view: 0 }, ...own.filter(({ kind }) => kind === "view")];
  const bands = moves.flatMap(({ atMs, view }, i) => {
    const [from, until] = [place(atMs), place(moves[i + 1]?.atMs ?? figure.untilMs)];
    if (until <= from) return [];
    const name = until - from > 34 ? text((from + until) / 2, y + 11, `view ${view}`, "middle") : "";
    return [
      `<rect class="band s${(view % figure.validators) % 8}" x="${fixed(from)}" y="${y}" width="${fixed(until - from)}" height="${BAND}"/>${name}`,
    ];
  });
  const marks = own
    .filter(({ atMs }) => atMs >= figure.fromMs && atMs <= figure.untilMs)
    .map(({ kind, atMs }) => markOf(kind, place(atMs), y));
  return [text(LEFT - 6, y + 11, `node${node}`, "end"), ...bands, ...new Set(marks)].join("");
}

function markOf(kind: RecordedNote["kind"], x: number, y: number): string {
  switch (kind) {
    case "view":
      return "";
    case "proposal":
      return `<circle class="ink" cx="${fixed(x)}" cy="${y + 3}" r="2"/>`;
    case "commit":
      return `<path class="tick" d="M${fixed(x)} ${y + BAND}v5"/>`;
    case "view-change":
      return `<path class="flag" d="M${fixed(x)} ${y - 3}v${BAND + 6}"/>`;
    case "crash":
      return `<path class="stop" d="M${fixed(x - 4)} ${y + 3}l8 8m0 -8l-8 8"/>`;
    case "start":
      return `<circle class="dot hollow s6" cx="${fixed(x)}" cy="${y + 7}" r="3"/>`;
  }
}

function arrow(
  { from, to, type, sentMs, arrivedMs }: RecordedMessage,
  line: (node: number) => number,
  place: Place,
): string {
  const isDown = to > from;
  const [x1, y1] = [place(sentMs), line(from) + (isDown ? BAND : 0)];
  const [endX, endY] = [place(arrivedMs ?? sentMs + 15), line(to) + (isDown ? 0 : BAND)];
  const part = arrivedMs === undefined ? 0.4 : 1;
  const [x2, y2] = [x1 + (endX - x1) * part, y1 + (endY - y1) * part];
  const style = `line s${MESSAGE_COLORS[type] ?? 6}${arrivedMs === undefined ? " lie" : ""}`;
  const length = Math.max(1, Math.hypot(x2 - x1, y2 - y1));
  const [dx, dy] = [((x2 - x1) / length) * 6, ((y2 - y1) / length) * 6];
  const head = `M${fixed(x2 - dx - dy / 2)} ${fixed(y2 - dy + dx / 2)}L${fixed(x2)} ${fixed(y2)}L${fixed(x2 - dx + dy / 2)} ${fixed(y2 - dy - dx / 2)}`;
  const words = `${type} from node${from} to node${to}, ${arrivedMs === undefined ? "lost" : `${Math.round(arrivedMs - sentMs)} ms`}`;
  return `<path class="${style}" d="M${fixed(x1)} ${fixed(y1)}L${fixed(x2)} ${fixed(y2)}${head}"><title>${escapeText(words)}</title></path>`;
}

function drawSpan(
  { name, fromMs, untilMs }: ScheduleFigure["spans"][number],
  y: number,
  place: Place,
): string {
  const [from, until] = [place(fromMs), place(untilMs)];
  const isLeft = from < WIDTH / 2;
  const bar = `<rect class="shade" x="${fixed(from)}" y="${y - 9}" width="${fixed(Math.max(3, until - from))}" height="11"/>`;
  return bar + text(isLeft ? from + 4 : until - 4, y, name, isLeft ? "start" : "end");
}

/** Explains the arrows by their colours. */
export function messageLegend(): string {
  const items = Object.entries({ ...MESSAGE_COLORS, others: 6 }).map(
    ([name, color]) =>
      `<span class="key"><svg viewBox="0 0 26 12" width="26" height="12" aria-hidden="true"><path class="line s${color}" d="M1 6h24"/></svg> ${escapeText(name)}</span>`,
  );
  return `<p class="keys">${items.join(" ")} dashed: never arrived</p>`;
}

function text(x: number, y: number, content: string, anchor: "start" | "middle" | "end"): string {
  return `<text x="${fixed(x)}" y="${fixed(y)}" text-anchor="${anchor}">${escapeText(content)}</text>`;
}

function fixed(value: number): string {
  return String(Number(value.toFixed(1)));
}
