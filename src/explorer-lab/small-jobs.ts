/**
 * The lab's races in pieces of some tens of milliseconds, as plain data: the same code that `quorate lab attack51` and
 * `selfish` run, done by whoever has a moment, a worker or the page itself.
 */
import { type AttackOptions, type AttackTally, type Cell, runTrials } from "../tools/lab/pow/attack51.ts";
import { LabChain } from "../tools/lab/pow/lab-chain.ts";
import { runSelfish, type SelfishCell, type SelfishTally } from "../tools/lab/pow/selfish.ts";

export interface AttackPiece {
  readonly kind: "attack51";
  readonly options: AttackOptions;
  readonly cell: Cell;
  readonly range: readonly [number, number];
}

export interface SelfishPiece {
  readonly kind: "selfish";
  readonly cell: SelfishCell;
  readonly seed: number;
  readonly part: number;
  readonly blocks: number;
}

export type Piece = AttackPiece | SelfishPiece;
export type TallyOf<P extends Piece> = P extends AttackPiece ? AttackTally : SelfishTally;

let chain: LabChain | undefined;

export function runPiece<P extends Piece>(piece: P): TallyOf<P> {
  chain ??= new LabChain("none");
  return runOn(chain, piece) as TallyOf<P>;
}

function runOn(trunk: LabChain, piece: Piece): AttackTally | SelfishTally {
  if (piece.kind === "attack51") return runTrials(trunk, piece.options, piece.cell, piece.range);
  return runSelfish(trunk, piece.cell, piece);
}

/** Races of a piece, so that a drawing moves several times a second. */
const RACES = 25;
/** Blocks of a piece of selfish mining. */
const BLOCKS = 2_000;

export function attackPieces(options: AttackOptions, cell: Cell): AttackPiece[] {
  return Array.from({ length: Math.ceil(options.trials / RACES) }, (_, i) => ({
    kind: "attack51",
    options,
    cell,
    range: [i * RACES, Math.min(options.trials, (i + 1) * RACES)],
  }));
}

export function selfishPieces(cell: SelfishCell, blocks: number, seed: number): SelfishPiece[] {
  return Array.from({ length: Math.ceil(blocks / BLOCKS) }, (_, part) => ({
    kind: "selfish",
    cell,
    seed,
    part,
    blocks: BLOCKS,
  }));
}

/** Whole numbers, added name by name; the deepest reorganisation is the deepest of both. */
export function addPiece<T extends object>(sum: T | undefined, piece: T): T {
  if (sum === undefined) return piece;
  const names = Object.keys(piece) as (keyof T & string)[];
  const add = (name: keyof T & string) => {
    const [a, b] = [Number(sum[name]), Number(piece[name])];
    return [name, name === "deepestReorg" ? Math.max(a, b) : a + b];
  };
  return Object.fromEntries(names.map(add)) as T;
}
