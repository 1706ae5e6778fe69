/**
 * Line charts as SVG text: axes, lines, points with error bars, a legend. No script and no style of its own: colours
 * are the classes `s0` to `s7`, which the page defines for light, dark and paper. All text is escaped here.
 */

/** Text as the content of an element or of an attribute. */
export function escapeText(text: string): string {
  return text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;")
    .replaceAll("'", "&#39;");
}

export interface Point {
  readonly x: number;
  readonly y: number;
  /** Error bar. */
  readonly low?: number;
  readonly high?: number;
}

export interface Series {
  readonly name: string;
  readonly points: readonly Point[];
  /** line: theory; points: measured; steps: a value that jumps. */
  readonly kind: "line" | "points" | "steps";
  /** Index of its colour. */
  readonly color: number;
  /** Left out of the legend, since another of its colour is in. */
  readonly isUnnamed?: boolean;
}

export interface Chart {
  readonly title: string;
  /** For those who do not see the picture. */
  readonly description: string;
  readonly xLabel: string;
  readonly yLabel: string;
  readonly series: readonly Series[];
  /** Undefined: linear from 0. Else logarithmic from this value up; what is below is drawn there. */
  readonly logFrom?: number;
  readonly percent?: boolean;
  /** What is counted along the x axis has no halves. */
  readonly isCount?: boolean;
}

const COLORS = 8;
// Small enough that 12-unit text stays legible where the chart is 340 pixels wide.
const WIDTH = 420;
const HEIGHT = 300;
const LEFT = 52;
const RIGHT = 10;
const TOP = 12;
const BOTTOM = 42;
const LEGEND_ROW = 18;
const LEGEND_COLUMNS = 3;

interface Axis {
  readonly ticks: readonly number[];
  place(value: number): number;
  show(value: number): string;
}

export function lineChart(chart: Chart): string {
  const points = chart.series.flatMap((series) => series.points);
  const x = linearAxis(
    [...points.map((p) => p.x)],
    [LEFT, WIDTH - RIGHT],
    showNumber,
    chart.isCount === true ? 1 : 0,
  );
  const show = chart.percent === true ? showPercent : showNumber;
  const values = points.flatMap(({ y, high }) => [y, high ?? y]);
  const span: [number, number] = [HEIGHT - BOTTOM, TOP];
  const y =
    chart.logFrom === undefined
      ? linearAxis([0, ...values], span, show)
      : logAxis(chart.logFrom, Math.max(...values), span, show);
  const named = chart.series.filter(({ isUnnamed }) => isUnnamed !== true);
  const height = HEIGHT + LEGEND_ROW * Math.ceil(named.length / LEGEND_COLUMNS);
  return [
    `<svg viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${escapeText(chart.title)}">`,
    `<title>${escapeText(chart.title)}</title><desc>${escapeText(chart.description)}</desc>`,
    ...y.ticks.map((tick) => horizontal(y.place(tick), y.show(tick))),
    ...x.ticks.map((tick) => label(x.place(tick), HEIGHT - BOTTOM + 16, x.show(tick), "middle")),
    `<path class="axis" d="M${LEFT} ${TOP}V${HEIGHT - BOTTOM}H${WIDTH - RIGHT}"/>`,
    label((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 6, chart.xLabel, "middle"),
    `<text transform="rotate(-90)" x="${-(TOP + HEIGHT - BOTTOM) / 2}" y="11" text-anchor="middle">${escapeText(chart.yLabel)}</text>`,
    ...chart.series.map((series) => drawSeries(series, x, y)),
    ...named.map(legend),
    "</svg>",
  ].join("\n");
}

function drawSeries({ kind, points, color }: Series, x: Axis, y: Axis): string {
  const style = `s${color % COLORS}`;
  if (kind === "points") {
    return points
      .map((point) => {
        const [cx, cy] = [fixed(x.place(point.x)), fixed(y.place(point.y))];
        const bar =
          point.low === undefined || point.high === undefined
            ? ""
            : `<path class="bar ${style}" d="M${cx} ${fixed(y.place(point.low))}V${fixed(y.place(point.high))}"/>`;
        return `${bar}<circle class="dot ${style}" cx="${cx}" cy="${cy}" r="3.2"/>`;
      })
      .join("");
  }
  const path = points
    .map((point, i) => {
      const [px, py] = [fixed(x.place(point.x)), fixed(y.place(point.y))];
      if (i === 0) return `M${px} ${py}`;
      return kind === "steps" ? `H${px}V${py}` : `L${px} ${py}`;
    })
    .join("");
  return `<path class="line ${style}" d="${path}"/>`;
}

function legend({ name, kind, color }: Series, index: number): string {
  const column = (WIDTH - LEFT) / LEGEND_COLUMNS;
  const x = LEFT + column * (index % LEGEND_COLUMNS);
  const y = HEIGHT + 8 + LEGEND_ROW * Math.floor(index / LEGEND_COLUMNS);
  const style = `s${color % COLORS}`;
  const sign =
    kind === "points"
      ? `<circle class="dot ${style}" cx="${x + 7}" cy="${y}" r="3.2"/>`
      : `<path class="line ${style}" d="M${x} ${y}h14"/>`;
  return sign + label(x + 19, y + 4, name, "start");
}

function horizontal(y: number, text: string): string {
  return `<path class="grid" d="M${LEFT} ${fixed(y)}H${WIDTH - RIGHT}"/>${label(LEFT - 5, y + 4, text, "end")}`;
}

function label(x: number, y: number, text: string, anchor: "start" | "middle" | "end"): string {
  return `<text x="${fixed(x)}" y="${fixed(y)}" text-anchor="${anchor}">${escapeText(text)}</text>`;
}

function linearAxis(
  values: readonly number[],
  [from, to]: readonly [number, number],
  show: (value: number) => string,
  stepMin = 0,
): Axis {
  const least = Math.min(...values);
  const step = Math.max(stepMin, niceStep(Math.max(...values) - least || 1));
  const low = Math.floor(least / step + 1e-9) * step;
  const high = Math.max(low + step, Math.ceil(Math.max(...values) / step - 1e-9) * step);
  const ticks = Array.from({ length: Math.round((high - low) / step) + 1 }, (_, i) => low + i * step);
  return { ticks, show, place: (value) => from + ((value - low) / (high - low)) * (to - from) };
}

function logAxis(
  least: number,
  most: number,
  [from, to]: readonly [number, number],
  show: (value: number) => string,
): Axis {
  const low = Math.floor(Math.log10(least));
  const high = Math.max(low + 1, Math.ceil(Math.log10(most) - 1e-9));
  const ticks = Array.from({ length: high - low + 1 }, (_, i) => 10 ** (low + i));
  const place = (value: number) =>
    from + ((Math.max(low, Math.log10(Math.max(value, 1e-300))) - low) / (high - low)) * (to - from);
  return { ticks, show, place };
}

/** 1, 2 or 5 times a power of ten, for four to eight ticks. */
function niceStep(range: number): number {
  const power = 10 ** Math.floor(Math.log10(range / 5));
  const parts = range / 5 / power;
  return power * (parts <= 1.01 ? 1 : parts <= 2.01 ? 2 : parts <= 5.01 ? 5 : 10);
}

function showNumber(value: number): string {
  return String(Number(value.toPrecision(6)));
}

function showPercent(value: number): string {
  return `${Number((100 * value).toPrecision(3))} %`;
}

function fixed(value: number): string {
  return String(Number(value.toFixed(1)));
}
