/**
 * Line charts as SVG text: axes, lines, points with error bars, a legend. No script and no style of its own: colours
 * are the classes `s0` to `s7`, which the page defines for light, dark and paper. Each colour has a shape and a dash
 * of its own, so that a print without colour reads as well. All text is escaped here.
 */

import { printable } from "../../../base/printable.ts";

/** Text as the content of an element or of an attribute. A number keeps its % on its line. */
export function escapeText(text: string): string {
  return printable(text)
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;")
    .replaceAll("'", "&#39;")
    .replaceAll(/(\d) %/g, "$1\u00a0%");
}

export interface Point {
  readonly x: number;
  readonly y: number;
  /** The lower end of the error bar, where there is one. */
  readonly low?: number;
  readonly high?: number;
}

export interface Series {
  readonly name: string;
  readonly points: readonly Point[];
  /**
   * A line is theory and points are measured, as are joined ones, which are drawn one after the other. With
   * steps a value jumps.
   */
  readonly kind: "line" | "points" | "joined" | "steps";
  /** The index of its colour. */
  readonly color: number;
  /** Left out of the legend, since another of its colour is in. */
  readonly isUnnamed?: boolean;
}

export interface Chart {
  readonly title: string;
  /** What a screen reader says instead of the picture. */
  readonly description: string;
  readonly xLabel: string;
  readonly yLabel: string;
  readonly series: readonly Series[];
  /**
   * Where undefined the scale is linear from 0. Else it is logarithmic from this value up, and points below
   * stand hollow at the edge.
   */
  readonly logFrom?: number;
  readonly percent?: boolean;
  /** percent: x is a share; powers: x is the logarithm to base 2 of what is written; count: it has no halves. */
  readonly xKind?: "percent" | "powers" | "count";
  /** Moments to be marked along the x axis. */
  readonly marks?: readonly { readonly x: number; readonly name: string }[];
}

const COLORS = 8;
// Small enough that 12-unit text stays legible where the chart is 340 pixels wide.
const WIDTH = 420;
const HEIGHT = 300;
const RIGHT = 18;
const TOP = 12;
const BOTTOM = 42;
const LEGEND_ROW = 18;
/** The distance from the left edge to the first legend, and under the y axis's name. */
const LEGEND_LEFT = 24;
/** The width of a character, at most: the browser measures, here is a guess. */
const LETTER = 7.2;

interface Axis {
  readonly ticks: readonly number[];
  /** Places a value without cutting it at the ends of the axis. */
  place(value: number): number;
  show(value: number): string;
}

interface Plane {
  readonly x: Axis;
  readonly y: Axis;
  readonly left: number;
  /** Where a value is drawn that is too small for the axis. */
  readonly floor: number;
}

/** A formula from the least to the greatest of some x. */
export function curve(xs: readonly number[], formula: (x: number) => number): Point[] {
  const [least, most] = [Math.min(...xs), Math.max(...xs)];
  const steps = most > least ? 40 : 0;
  return Array.from({ length: steps + 1 }, (_, i) => {
    const x = least + ((most - least) * i) / Math.max(1, steps);
    return { x, y: formula(x) };
  });
}

export function lineChart(chart: Chart): string {
  const plane = planeOf(chart);
  const { x, y, left } = plane;
  const named = chart.series.filter(({ isUnnamed }) => isUnnamed !== true);
  const lined = new Set(chart.series.filter(({ kind }) => kind === "line").map(({ color }) => color));
  const legends = legend(named, lined);
  const bottom = HEIGHT - BOTTOM;
  return [
    `<svg viewBox="0 0 ${WIDTH} ${HEIGHT + legends.height}" role="img" aria-label="${escapeText(chart.title)}">`,
    `<title>${escapeText(chart.title)}</title><desc>${escapeText(chart.description)}</desc>`,
    ...y.ticks.map((tick) => horizontal(left, y.place(tick), y.show(tick))),
    ...x.ticks.map(
      (tick) =>
        `<path class="axis" d="M${fixed(x.place(tick))} ${bottom}v4"/>${label(x.place(tick), bottom + 17, x.show(tick), "middle")}`,
    ),
    `<path class="axis" d="M${left} ${TOP}V${bottom}H${WIDTH - RIGHT}"/>`,
    label((left + WIDTH - RIGHT) / 2, HEIGHT - 5, chart.xLabel, "middle"),
    `<text transform="rotate(-90)" x="${-(TOP + bottom) / 2}" y="11" text-anchor="middle">${escapeText(chart.yLabel)}</text>`,
    ...chart.series.map((series) => drawSeries(series, plane)),
    ...(chart.marks ?? []).map(({ x: at, name }, i) => moment(x.place(at), TOP + 12 + 15 * i, name)),
    legends.svg,
    "</svg>",
  ].join("\n");
}

function planeOf(chart: Chart): Plane {
  const points = chart.series.flatMap((series) => series.points);
  const show = chart.percent === true ? showPercent : showNumber;
  const values = points.flatMap(({ y, high }) => [y, high ?? y]);
  const bottom = HEIGHT - BOTTOM;
  const y =
    chart.logFrom === undefined
      ? linearAxis([0, ...values], [bottom, TOP], show)
      : logAxis(chart.logFrom, Math.max(...values), [bottom, TOP], show);
  const left = Math.round(24 + LETTER * Math.max(...y.ticks.map((tick) => y.show(tick).length)));
  const across = [...points, ...(chart.marks ?? [])].map((point) => point.x);
  return { x: acrossAxis(across, [left, WIDTH - RIGHT], chart.xKind), y, left, floor: bottom };
}

function drawSeries({ kind, points, color }: Series, plane: Plane): string {
  const style = `s${color % COLORS}`;
  const dots = () => points.map((point) => drawPoint(point, color, plane)).join("");
  if (kind === "points") return dots();
  const places = points.map((point) => [plane.x.place(point.x), plane.y.place(point.y)] as const);
  const path = kind === "steps" ? stepsPath(places) : linePath(places, plane.floor);
  const dash = kind === "line" || kind === "steps" ? ` d${color % COLORS}` : "";
  return `<path class="line ${style}${dash}" d="${path}"/>${kind === "joined" ? dots() : ""}`;
}

function drawPoint({ x: atX, y: atY, low, high }: Point, color: number, { x, y, floor }: Plane): string {
  const [cx, cy] = [x.place(atX), Math.min(floor, y.place(atY))];
  const style = `s${color % COLORS}`;
  const isBelow = y.place(atY) > floor + 0.01;
  const sign = marker(color, cx, cy, `${isBelow ? "dot hollow" : "dot"} ${style}`);
  if (low === undefined || high === undefined) return sign;
  const [from, to] = [Math.min(floor, y.place(low)), Math.min(floor, y.place(high))];
  const foot = y.place(low) > floor + 0.01 ? "" : `M${fixed(cx - 3)} ${fixed(from)}h6`;
  const bar = `M${fixed(cx)} ${fixed(from)}V${fixed(to)}M${fixed(cx - 3)} ${fixed(to)}h6${foot}`;
  return `<path class="bar ${style}" d="${bar}"/>${sign}`;
}

/** A shape for each colour. */
function marker(color: number, cx: number, cy: number, classes: string): string {
  const [x, y] = [fixed(cx), fixed(cy)];
  switch (color % COLORS) {
    case 1:
      return `<path class="${classes}" d="M${fixed(cx - 3)} ${fixed(cy - 3)}h6v6h-6z"/>`;
    case 2:
      return `<path class="${classes}" d="M${x} ${fixed(cy - 4)}l4 7h-8z"/>`;
    case 3:
      return `<path class="${classes}" d="M${x} ${fixed(cy - 4.4)}l4.4 4.4l-4.4 4.4l-4.4 -4.4z"/>`;
    case 4:
      return `<path class="${classes}" d="M${x} ${fixed(cy + 4)}l4 -7h-8z"/>`;
    case 5:
      return `<path class="${classes}" d="M${fixed(cx - 1.2)} ${fixed(cy - 4)}h2.4v2.8h2.8v2.4h-2.8v2.8h-2.4v-2.8h-2.8v-2.4h2.8z"/>`;
    case 6:
      return `<path class="${classes}" d="M${fixed(cx - 4)} ${fixed(cy - 1.5)}h8v3h-8z"/>`;
    case 7:
      return `<path class="${classes}" d="M${fixed(cx - 1.5)} ${fixed(cy - 4)}h3v8h-3z"/>`;
    default:
      return `<circle class="${classes}" cx="${x}" cy="${y}" r="3.2"/>`;
  }
}

type Place = readonly [number, number];

/** What lies below the axis is cut off where the line crosses it, not bent along it. */
function linePath(places: readonly Place[], floor: number): string {
  const pieces = places.map(([x, y], i) => {
    const before = places[i - 1];
    const isIn = y <= floor;
    if (before === undefined) return isIn ? `M${fixed(x)} ${fixed(y)}` : "";
    if (isIn === before[1] <= floor) return isIn ? `L${fixed(x)} ${fixed(y)}` : "";
    const crossing = before[0] + ((floor - before[1]) / (y - before[1])) * (x - before[0]);
    const edge = `${fixed(crossing)} ${fixed(floor)}`;
    return isIn ? `M${edge}L${fixed(x)} ${fixed(y)}` : `L${edge}`;
  });
  return pieces.join("") || `M0 ${fixed(floor)}`;
}

function stepsPath(places: readonly Place[]): string {
  return places
    .map(([x, y], i) => (i === 0 ? `M${fixed(x)} ${fixed(y)}` : `H${fixed(x)}V${fixed(y)}`))
    .join("");
}

/** Rows of signs and names, as many in a row as fit. */
function legend(named: readonly Series[], lined: ReadonlySet<number>): { svg: string; height: number } {
  const longest = Math.max(0, ...named.map(({ name }) => name.length));
  const column = 38 + LETTER * longest;
  const columns = Math.max(1, Math.floor((WIDTH - LEGEND_LEFT) / column));
  const items = named.map((series, i) => {
    const x = LEGEND_LEFT + column * (i % columns);
    const y = HEIGHT + 12 + LEGEND_ROW * Math.floor(i / columns);
    return sign(series, lined.has(series.color), x, y) + label(x + 24, y + 4, series.name, "start");
  });
  const rows = Math.ceil(named.length / columns);
  return { svg: items.join(""), height: rows === 0 ? 0 : 4 + LEGEND_ROW * rows };
}

/** @param hasLine whether a line of theory has the same colour */
function sign({ kind, color }: Series, hasLine: boolean, x: number, y: number): string {
  const style = `s${color % COLORS}`;
  const isLine = kind !== "points" || hasLine;
  const dash = hasLine || kind === "steps" ? ` d${color % COLORS}` : "";
  const line = isLine ? `<path class="line ${style}${dash}" d="M${fixed(x)} ${y}h20"/>` : "";
  const dot = kind === "points" || kind === "joined" ? marker(color, x + 10, y, `dot ${style}`) : "";
  return line + dot;
}

/** A dashed upright with its name on the side that has room. */
function moment(x: number, y: number, name: string): string {
  const isRight = x < (2 * WIDTH) / 3;
  const text = label(x + (isRight ? 4 : -4), y, name, isRight ? "start" : "end");
  return `<g class="moment"><path d="M${fixed(x)} ${TOP}V${HEIGHT - BOTTOM}"/>${text}</g>`;
}

function horizontal(left: number, y: number, text: string): string {
  return `<path class="grid" d="M${left} ${fixed(y)}H${WIDTH - RIGHT}"/>${label(left - 5, y + 4, text, "end")}`;
}

function label(x: number, y: number, text: string, anchor: "start" | "middle" | "end"): string {
  return `<text x="${fixed(x)}" y="${fixed(y)}" text-anchor="${anchor}">${escapeText(text)}</text>`;
}

function linearAxis(
  values: readonly number[],
  [from, to]: readonly [number, number],
  show: (value: number) => string,
): Axis {
  const least = Math.min(...values);
  const step = niceStep(Math.max(...values) - least || 1);
  const low = Math.floor(least / step + 1e-9) * step;
  const high = Math.max(low + step, Math.ceil(Math.max(...values) / step - 1e-9) * step);
  const ticks = Array.from({ length: Math.round((high - low) / step) + 1 }, (_, i) => low + i * step);
  return { ticks, show, place: (value) => from + ((value - low) / (high - low)) * (to - from) };
}

/** An axis from the least to the greatest value, without empty ends, and with a little room beside points that stand alone. */
function acrossAxis(
  values: readonly number[],
  [from, to]: readonly [number, number],
  kind: Chart["xKind"],
): Axis {
  const [least, most] = [Math.min(...values), Math.max(...values)];
  const [low, high] = most > least ? [least, most] : [least - 0.5, most + 0.5];
  const step = Math.max(kind === "count" || kind === "powers" ? 1 : 0, niceStep(high - low));
  const first = Math.ceil(low / step - 1e-9);
  const count = Math.floor(high / step + 1e-9) - first + 1;
  const ticks = count > 0 ? Array.from({ length: count }, (_, i) => (first + i) * step) : [least];
  const show = kind === "percent" ? showPercent : showNumber;
  return {
    ticks,
    show: kind === "powers" ? (value) => showNumber(2 ** value) : show,
    place: (value) => from + ((value - low) / (high - low)) * (to - from),
  };
}

function logAxis(
  least: number,
  most: number,
  [from, to]: readonly [number, number],
  show: (value: number) => string,
): Axis {
  const low = Math.floor(Math.log10(least) + 1e-9);
  const high = Math.max(low + 1, Math.ceil(Math.log10(most) - 1e-9));
  const ticks = Array.from({ length: high - low + 1 }, (_, i) => 10 ** (low + i));
  const place = (value: number) =>
    from + ((Math.log10(Math.max(value, 1e-300)) - low) / (high - low)) * (to - from);
  return { ticks, show, place };
}

/** 1, 2 or 5 times a power of ten, for four to eight ticks. */
function niceStep(range: number): number {
  const power = 10 ** Math.floor(Math.log10(range / 5));
  const parts = range / 5 / power;
  return power * (parts <= 1.01 ? 1 : parts <= 2.01 ? 2 : parts <= 5.01 ? 5 : 10);
}

/** Short enough to stand at an axis: 20 k, 1 M. */
function showNumber(value: number): string {
  const [unit, size] =
    Math.abs(value) >= 1e9 ? ["\u00a0G", 1e9] : Math.abs(value) >= 1e6 ? ["\u00a0M", 1e6] : ["\u00a0k", 1e3];
  if (Math.abs(value) < 10_000) return String(Number(value.toPrecision(6)));
  return `${Number((value / Number(size)).toPrecision(6))}${unit}`;
}

function showPercent(value: number): string {
  return `${Number((100 * value).toPrecision(3))}\u00a0%`;
}

function fixed(value: number): string {
  return String(Number(value.toFixed(1)));
}
