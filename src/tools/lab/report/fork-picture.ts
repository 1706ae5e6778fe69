/**
 * The fork of a chain as SVG text: the common block, one branch above and one below, oldest left, the name of each
 * over it. Long branches are cut in the middle. Each block shows its height and the end of its hash as people see it;
 * a dashed one was left. Colours are the page's, as in svg.ts.
 */
import { hex } from "../../../base/bytes.ts";
import type { BlockHead } from "../../../chain/types/block.ts";
import { escapeText } from "./svg.ts";

/** What is shown of a block. */
export interface ForkBlock extends Pick<BlockHead, "hash"> {
  readonly summary: Pick<BlockHead["summary"], "height">;
}

export interface DrawnBranch {
  readonly name: string;
  readonly blocks: readonly ForkBlock[];
  /** Nobody follows it any more. */
  readonly isLeft: boolean;
}

export interface DrawnFork {
  readonly title: string;
  readonly common: ForkBlock;
  readonly above: DrawnBranch;
  readonly below: DrawnBranch;
}

/** Draws the honest blocks above and the attacker's below. One of the branches was left. */
export function raceFork(
  common: ForkBlock,
  blocks: Readonly<Record<"honest" | "attacker", readonly ForkBlock[]>>,
  winner: "honest" | "attacker",
): DrawnFork {
  const branch = (name: "honest" | "attacker"): DrawnBranch => ({
    name,
    blocks: blocks[name],
    isLeft: winner !== name,
  });
  return { title: "The fork", common, above: branch("honest"), below: branch("attacker") };
}

const BOX_WIDTH = 58;
const BOX_HEIGHT = 34;
const GAP = 16;
/** The distance from a branch to the middle between both. */
const SPREAD = 38;
const NAME = 16;
/** Blocks that are drawn of a branch. The middle of a longer one is a gap. */
const SHOWN_MAX = 8;

export function forkTree({ title, common, above, below }: DrawnFork): string {
  const columns = 1 + Math.max(cut(above.blocks).length, cut(below.blocks).length);
  const names = Math.max(above.name.length, below.name.length);
  const width = Math.max(columns * (BOX_WIDTH + GAP), place(1) + 7.2 * names) + 8;
  const middle = NAME + SPREAD + BOX_HEIGHT / 2 + 4;
  const height = 2 * middle;
  const [high, low] = [middle - SPREAD, middle + SPREAD];
  return [
    `<svg class="wide" style="min-width:${fixed(width)}px;max-width:${fixed(width * 1.3)}px" viewBox="0 0 ${fixed(width)} ${height}" role="img" aria-label="${escapeText(title)}">`,
    `<title>${escapeText(title)}</title>`,
    `<desc>Above: ${escapeText(describe(above))}. Below: ${escapeText(describe(below))}.</desc>`,
    drawTrack(above, 0, { middle, at: high }),
    nameOf(above, high - BOX_HEIGHT / 2 - 5),
    drawTrack(below, 1, { middle, at: low }),
    nameOf(below, low + BOX_HEIGHT / 2 + 13),
    box(common, place(0), middle, "common"),
    "</svg>",
  ].join("\n");
}

function describe({ name, blocks, isLeft }: DrawnBranch): string {
  return `${name}, ${blocks.length} ${blocks.length === 1 ? "block" : "blocks"}${isLeft ? ", left" : ""}`;
}

function nameOf(branch: DrawnBranch, y: number): string {
  return `<text x="${place(1)}" y="${y}">${escapeText(branch.name)}</text>`;
}

/** Heights are of the middle of a box. */
interface Track {
  readonly middle: number;
  readonly at: number;
}

function drawTrack({ name, blocks, isLeft }: DrawnBranch, color: number, { middle, at }: Track): string {
  return cut(blocks)
    .map((block, i) => {
      const x = place(i + 1);
      const link = i === 0 ? `M${place(0) + BOX_WIDTH} ${middle}L${x} ${at}` : `M${x - GAP} ${at}h${GAP}`;
      const drawn =
        block === undefined
          ? `<text x="${x + BOX_WIDTH / 2}" y="${at + 4}" text-anchor="middle"><title>${escapeText(`more blocks: ${name}`)}</title>…</text>`
          : box(block, x, at, `s${color}${isLeft ? " stale" : ""}`);
      return `<path class="link" d="${link}"/>${drawn}`;
    })
    .join("\n");
}

/** Undefined stands for the blocks left out. */
function cut(blocks: readonly ForkBlock[]): (ForkBlock | undefined)[] {
  if (blocks.length <= SHOWN_MAX) return [...blocks];
  return [...blocks.slice(0, SHOWN_MAX / 2), undefined, ...blocks.slice(1 - SHOWN_MAX / 2)];
}

function place(column: number): number {
  return 4 + column * (BOX_WIDTH + GAP);
}

/** The last bytes of a hash vary most: its beginning as shown is zeros. */
function box({ hash, summary }: ForkBlock, x: number, middle: number, style: string): string {
  const tail = hex(hash.slice(0, 3).reverse());
  const y = middle - BOX_HEIGHT / 2;
  return [
    `<g class="block ${style}"><rect x="${x}" y="${y}" width="${BOX_WIDTH}" height="${BOX_HEIGHT}" rx="5"/>`,
    `<text x="${x + BOX_WIDTH / 2}" y="${y + 14}" text-anchor="middle">${summary.height}</text>`,
    `<text class="hash" x="${x + BOX_WIDTH / 2}" y="${y + 27}" text-anchor="middle">…${tail}</text></g>`,
  ].join("");
}

function fixed(value: number): string {
  return String(Number(value.toFixed(1)));
}
