/**
 * The tree of blocks as it is drawn: a column for each branch, the active chain in the first; and what follows from it:
 * who mined how much. Pure.
 */

export interface TreeBlock {
  readonly height: number;
  readonly hash: string;
  readonly parentHash: string;
  readonly miner: string | null;
  readonly status: string;
}

export interface PlacedBlock<B extends TreeBlock> {
  readonly block: B;
  /** The column, which is 0 for the active chain. */
  readonly column: number;
  readonly row: number;
  /** Where its parent stands. Undefined when that is below the drawing. */
  readonly parent: { readonly column: number; readonly row: number } | undefined;
}

/** Rows are heights, the highest is row 0. A branch takes the first column that is free over its heights. */
export function placeBlocks<B extends TreeBlock>(blocks: readonly B[]): readonly PlacedBlock<B>[] {
  const top = Math.max(0, ...blocks.map(({ height }) => height));
  const byHash = new Map(blocks.map((block) => [block.hash, block]));
  const columns = new Map<string, number>();
  const taken = new Set<string>();
  for (const { hash, height, status } of blocks) {
    if (status !== "active") continue;
    columns.set(hash, 0);
    taken.add(`0 ${height}`);
  }
  for (const tip of [...blocks].sort((a, b) => b.height - a.height)) {
    if (columns.has(tip.hash)) continue;
    const branch: B[] = [];
    for (
      let at: B | undefined = tip;
      at !== undefined && !columns.has(at.hash);
      at = byHash.get(at.parentHash)
    ) {
      branch.push(at);
    }
    let column = 1;
    while (branch.some(({ height }) => taken.has(`${column} ${height}`))) column++;
    for (const { hash, height } of branch) {
      columns.set(hash, column);
      taken.add(`${column} ${height}`);
    }
  }
  const placeOf = ({ hash, height }: B) => ({ column: columns.get(hash) ?? 0, row: top - height });
  return blocks.map((block) => {
    const parent = byHash.get(block.parentHash);
    return { block, ...placeOf(block), parent: parent === undefined ? undefined : placeOf(parent) };
  });
}

export interface MinerShare {
  readonly miner: string;
  readonly blocks: number;
  /** 0 to 1 of the active blocks. */
  readonly share: number;
}

/** The shares of the miners of the active chain, the greatest first. */
export function minerShares(blocks: readonly TreeBlock[]): readonly MinerShare[] {
  const counts = new Map<string, number>();
  for (const { miner, status } of blocks) {
    if (status === "active" && miner !== null) counts.set(miner, (counts.get(miner) ?? 0) + 1);
  }
  const all = [...counts.values()].reduce((sum, count) => sum + count, 0);
  return [...counts]
    .map(([miner, count]) => ({ miner, blocks: count, share: count / all }))
    .sort((a, b) => b.blocks - a.blocks || (a.miner < b.miner ? -1 : 1));
}

/** A colour for each miner, which stays its own while the shares change; -1 for one that has no share. */
export function minerColor(shares: readonly MinerShare[], miner: string | null): number {
  const miners = shares.map((share) => share.miner).sort();
  return miners.indexOf(miner ?? "") % 8;
}

/**
 * Confirmations until the chance that an attacker of this share undoes a payment is at most `risk`. Undefined
 * when it never is, or beyond `max`.
 */
export function confirmationsFor(
  chance: (confirmations: number) => number,
  risk: number,
  max = 1_000,
): number | undefined {
  for (let z = 1; z <= max; z++) if (chance(z) <= risk) return z;
  return undefined;
}
