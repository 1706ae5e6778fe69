/**
 * The fork around a reorganisation as SVG text: the common block, the honest branch above, the attacker's below,
 * oldest left. Long branches are cut in the middle. Each block shows its height and the start of its hash as people
 * see it. Colours are the page's, as in svg.ts.
 */
import { hex } from "../base/bytes.ts";
import type { BlockHead } from "../chain/block.ts";
import { escapeText } from "./svg.ts";

/** What is shown of a block. */
export interface ForkBlock extends Pick<BlockHead, "hash"> {
  readonly summary: Pick<BlockHead["summary"], "height">;
}

export interface Fork {
  readonly title: string;
  readonly common: ForkBlock;
  readonly honest: readonly ForkBlock[];
  readonly attacker: readonly ForkBlock[];
  /** Which branch honest nodes ended on. */
  readonly winner: "honest" | "attacker";
}

const BOX_WIDTH = 58;
const BOX_HEIGHT = 34;
const GAP = 16;
/** Blocks drawn of a branch; the middle of a longer one is a gap. */
const SHOWN_MAX = 8;

export function forkTree({ title, common, honest, attacker, winner }: Fork): string {
  const [above, below] = [cut(honest), cut(attacker)];
  const columns = 1 + Math.max(above.length, below.length);
  const width = columns * (BOX_WIDTH + GAP) + 8;
  const height = 3 * (BOX_HEIGHT + 10) + 8;
  const lane = (blocks: readonly (ForkBlock | undefined)[], row: number, color: number, name: string) =>
    blocks
      .map((block, i) => {
        const x = place(i + 1);
        const y = top(row);
        const start =
          i === 0
            ? `M${place(0) + BOX_WIDTH} ${middle(1)}L${x} ${middle(row)}`
            : `M${x - GAP} ${middle(row)}h${GAP}`;
        return `<path class="link" d="${start}"/>${block === undefined ? gap(x, y, honestOrNot(name)) : box(block, x, y, `s${color}${winner === name ? "" : " stale"}`)}`;
      })
      .join("\n");
  return [
    `<svg class="wide" style="min-width:${width}px" viewBox="0 0 ${width} ${height}" role="img" aria-label="${escapeText(title)}">`,
    `<title>${escapeText(title)}</title>`,
    `<desc>${honest.length} honest blocks above, ${attacker.length} blocks of the attacker below; honest nodes ended on the ${winner} branch.</desc>`,
    lane(above, 0, 0, "honest"),
    lane(below, 2, 1, "attacker"),
    box(common, place(0), top(1), "common"),
    "</svg>",
  ].join("\n");
}

function honestOrNot(name: string): string {
  return `more blocks of the ${name} branch`;
}

/** Undefined stands for the blocks left out. */
function cut(blocks: readonly ForkBlock[]): (ForkBlock | undefined)[] {
  if (blocks.length <= SHOWN_MAX) return [...blocks];
  return [...blocks.slice(0, SHOWN_MAX / 2), undefined, ...blocks.slice(1 - SHOWN_MAX / 2)];
}

function place(column: number): number {
  return 4 + column * (BOX_WIDTH + GAP);
}

function top(row: number): number {
  return 4 + row * (BOX_HEIGHT + 10);
}

function middle(row: number): number {
  return top(row) + BOX_HEIGHT / 2;
}

function gap(x: number, y: number, text: string): string {
  return `<text x="${x + BOX_WIDTH / 2}" y="${y + 21}" text-anchor="middle"><title>${escapeText(text)}</title>…</text>`;
}

/** The last bytes of a hash vary most: its beginning as shown is zeros. */
function box({ hash, summary }: ForkBlock, x: number, y: number, style: string): string {
  const tail = hex(hash.slice(0, 3).reverse());
  return [
    `<g class="block ${style}"><rect x="${x}" y="${y}" width="${BOX_WIDTH}" height="${BOX_HEIGHT}" rx="5"/>`,
    `<text x="${x + BOX_WIDTH / 2}" y="${y + 14}" text-anchor="middle">${summary.height}</text>`,
    `<text class="hash" x="${x + BOX_WIDTH / 2}" y="${y + 27}" text-anchor="middle">…${tail}</text></g>`,
  ].join("");
}
