/**
 * Who told whom what as SVG text: a picture for each round. Few generals stand in a circle and each message is an
 * arrow, coloured by its order; more of them are a table of senders and receivers, a square for each message. Lies are
 * dashed, or framed. Colours are the page's, as in svg.ts.
 */
import { type GeneralsOutcome, ORDERS, type Order, type SentOrder } from "../pbft/generals.ts";
import { isLie } from "./generals-words.ts";
import { escapeText } from "./svg.ts";

export interface GeneralsFigure {
  readonly outcome: GeneralsOutcome;
  readonly generals: number;
  readonly traitors: readonly number[];
}

/** The colours of attack, wait and retreat. */
const ORDER_COLORS: Readonly<Record<Order, number>> = { attack: 1, wait: 3, retreat: 0 };
/** Arrows are drawn among so few, while no general tells another more than one thing. */
const CIRCLE_MAX = 7;
const SIZE = 300;
const RADIUS = 104;
const NODE = 17;
const CELL = 34;
const SQUARE = 6;
/** Squares of a row of a cell, and of a cell. */
const SQUARES_ROW = 4;
const SQUARES_MAX = 16;

/** One SVG for each round. */
export function generalsFigures(figure: GeneralsFigure): readonly string[] {
  const { outcome } = figure;
  return Array.from({ length: outcome.rounds }, (_, round) => {
    const sent = outcome.sent.filter((each) => each.round === round);
    const pairs = new Set(sent.map(({ from, to }) => `${from} ${to}`));
    const isCircle = figure.generals <= CIRCLE_MAX && pairs.size === sent.length;
    const title = `${outcome.algorithm}(${outcome.rounds - 1}), round ${round + 1}`;
    return isCircle ? circle(figure, sent, title) : matrix(figure, sent, title);
  });
}

/** The colours, the same for all rounds. */
export function generalsLegend(): string {
  const orders = [...ORDERS]
    .reverse()
    .map(
      (order) =>
        `<span class="key"><svg viewBox="0 0 26 12" width="26" height="12" aria-hidden="true"><path class="line s${ORDER_COLORS[order]}" d="M1 6h24"/></svg> ${order}</span>`,
    );
  const lie =
    '<span class="key"><svg viewBox="0 0 26 12" width="26" height="12" aria-hidden="true"><path class="line s6 lie" d="M1 6h24"/></svg> a lie (dashed, or framed); a cross: kept back</span>';
  return `<p class="keys">${orders.join(" ")} ${lie}</p>`;
}

function circle(
  { generals, traitors, outcome }: GeneralsFigure,
  sent: readonly SentOrder[],
  title: string,
): string {
  const isLast = sent[0] === undefined || sent[0].round === outcome.rounds - 1;
  const nodes = Array.from({ length: generals }, (_, general) => {
    const [x, y] = place(general, generals);
    const isTraitor = traitors.includes(general);
    const decision = isLast && general !== 0 && !isTraitor ? outcome.decisions[general] : undefined;
    return `${disc(x, y, general, isTraitor)}${decision === undefined ? "" : text(x, y + (y > RADIUS + NODE + 20 ? 31 : -23), decision, `decision s${ORDER_COLORS[decision]}`)}`;
  });
  const lowest = Math.max(...Array.from({ length: generals }, (_, general) => place(general, generals)[1]));
  return svg(title, SIZE, Math.ceil(lowest) + NODE + 20, [
    ...sent.map((each) => arrow(each, generals)),
    ...nodes,
  ]);
}

function disc(x: number, y: number, general: number, isTraitor: boolean): string {
  const kind = `general${isTraitor ? " traitor" : ""}`;
  const name = general === 0 ? "C" : String(general);
  return `<circle class="${kind}" cx="${fixed(x)}" cy="${fixed(y)}" r="${NODE}"/>${text(x, y + 5, name, isTraitor ? "traitor" : "")}`;
}

/** The commander on top, the others by their numbers from the left. */
function place(general: number, generals: number): readonly [number, number] {
  const angle = -Math.PI / 2 - (2 * Math.PI * general) / generals;
  return [SIZE / 2 + RADIUS * Math.cos(angle), RADIUS + NODE + 6 + RADIUS * Math.sin(angle)];
}

/** Bent a little to its right, so that the answer beside it does not lie on it. */
function arrow(sent: SentOrder, generals: number): string {
  const [x1, y1] = place(sent.from, generals);
  const [x2, y2] = place(sent.to, generals);
  const length = Math.hypot(x2 - x1, y2 - y1);
  const [ux, uy] = [(x2 - x1) / length, (y2 - y1) / length];
  const bend = 0.13 * length;
  const [mx, my] = [(x1 + x2) / 2 - uy * bend, (y1 + y2) / 2 + ux * bend];
  const from = towards([x1, y1], [mx, my], NODE + 2);
  const to = towards([x2, y2], [mx, my], NODE + 4);
  const [hx, hy] = towards([x2, y2], [mx, my], NODE + 13);
  const [dx, dy] = [(to[0] - hx) / 2, (to[1] - hy) / 2];
  const style = `s${sent.order === undefined ? 6 : ORDER_COLORS[sent.order]}`;
  const line = `<path class="line ${style}${isLie(sent) ? " lie" : ""}" d="M${pair(from)}Q${pair([mx, my])} ${pair([hx, hy])}"/>`;
  const [cx, cy] = [(from[0] + 2 * mx + to[0]) / 4, (from[1] + 2 * my + to[1]) / 4];
  if (sent.order === undefined) {
    return `${line}<path class="stop" d="M${fixed(cx - 5)} ${fixed(cy - 5)}l10 10m0 -10l-10 10"/>`;
  }
  const head = `<path class="dot ${style}" d="M${pair(to)}L${pair([hx - dy, hy + dx])}L${pair([hx + dy, hy - dx])}z"/>`;
  return `<g><title>${escapeText(wordsOf(sent))}</title>${line}${head}</g>`;
}

function wordsOf({ from, to, order, honest, path }: SentOrder): string {
  const of = path.length === 0 ? "" : `, as heard from ${path.join(", then ")}`;
  const lie = order === honest ? "" : ` (a lie: it should be ${honest})`;
  return `general ${from} tells ${to}: ${order ?? "nothing"}${of}${lie}`;
}

function matrix({ generals, traitors }: GeneralsFigure, sent: readonly SentOrder[], title: string): string {
  const [left, top] = [40, 40];
  const size = generals * CELL;
  const heads = Array.from({ length: generals }, (_, general) => {
    const kind = traitors.includes(general) ? "false" : "";
    const at = general * CELL + CELL / 2;
    return (
      text(left + at, top - 8, nameOf(general), kind) + text(left - 14, top + at + 4, nameOf(general), kind)
    );
  });
  const lines = Array.from(
    { length: generals + 1 },
    (_, i) => `<path class="grid" d="M${left} ${top + i * CELL}h${size}M${left + i * CELL} ${top}v${size}"/>`,
  );
  const squares = [...groups(sent).values()].flatMap((own) =>
    own.slice(0, SQUARES_MAX).map((each, i) => {
      const x = left + each.to * CELL + 3 + (i % SQUARES_ROW) * (SQUARE + 1.5);
      const y = top + each.from * CELL + 3 + Math.floor(i / SQUARES_ROW) * (SQUARE + 1.5);
      const style = each.order === undefined ? "square none" : `square s${ORDER_COLORS[each.order]}`;
      return `<rect class="${style}${isLie(each) ? " lie" : ""}" x="${fixed(x)}" y="${fixed(y)}" width="${SQUARE}" height="${SQUARE}"/>`;
    }),
  );
  return svg(title, left + size + 8, top + size + 8, [
    text(left + size / 2, 13, "to", "soft"),
    text(10, top - 8, "from", "soft", "start"),
    ...lines,
    ...heads,
    ...squares,
  ]);
}

function groups(sent: readonly SentOrder[]): Map<string, SentOrder[]> {
  const byPair = new Map<string, SentOrder[]>();
  for (const each of sent) {
    const key = `${each.from} ${each.to}`;
    byPair.set(key, [...(byPair.get(key) ?? []), each]);
  }
  return byPair;
}

function nameOf(general: number): string {
  return general === 0 ? "C" : String(general);
}

function svg(title: string, width: number, height: number, parts: readonly string[]): string {
  return `<svg class="round" viewBox="0 0 ${width} ${height}" role="img" aria-label="${escapeText(title)}"><title>${escapeText(title)}</title>\n${parts.join("\n")}\n</svg>`;
}

function towards(
  from: readonly [number, number],
  to: readonly [number, number],
  by: number,
): readonly [number, number] {
  const length = Math.hypot(to[0] - from[0], to[1] - from[1]);
  return [from[0] + ((to[0] - from[0]) * by) / length, from[1] + ((to[1] - from[1]) * by) / length];
}

function text(x: number, y: number, content: string, kind: string, anchor = "middle"): string {
  return `<text${kind === "" ? "" : ` class="${kind}"`} x="${fixed(x)}" y="${fixed(y)}" text-anchor="${anchor}">${escapeText(content)}</text>`;
}

function pair([x, y]: readonly [number, number]): string {
  return `${fixed(x)} ${fixed(y)}`;
}

function fixed(value: number): string {
  return String(Number(value.toFixed(1)));
}
