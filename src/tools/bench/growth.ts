/**
 * How a node's database grows with the transactions of its chain, as an archive and pruned: the same blocks played into two
 * real databases, whose files are measured after their tables were written anew.
 */
import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pruneSome } from "../../node/stored-chain/prune.ts";
import type { DiskKv } from "../../storage/kv.ts";
import { openLevel } from "../../storage/level.ts";
import { PlayedChain, type PlayedOptions } from "./played-chain.ts";

export interface GrowthOptions extends PlayedOptions {
  readonly blocks: number;
  /** Blocks whose bodies the pruned database keeps. */
  readonly keepBlocks: number;
}

export interface GrowthFigures {
  readonly mode: "archive" | "pruned";
  /** Files of the database, bytes, at half of the blocks and at all. */
  readonly halfBytes: number;
  readonly bytes: number;
  /** Bytes between the two, for each transaction and each block. */
  readonly bytesPerTransaction: number;
  readonly bytesPerBlock: number;
}

interface Side {
  readonly dir: string;
  readonly kv: DiskKv;
  readonly played: PlayedChain;
}

export async function measureGrowth(
  options: GrowthOptions,
  signal: AbortSignal,
  stage: (text: string) => void,
): Promise<readonly GrowthFigures[]> {
  const folder = mkdtempSync(join(tmpdir(), "quorate-bench-growth-"));
  const world = PlayedChain.worldOf(options);
  const sides: Side[] = [];
  try {
    for (const name of ["archive", "pruned"]) {
      const dir = join(folder, name);
      const kv = await openLevel(dir);
      sides.push({ dir, kv, played: await PlayedChain.open(world, kv, options) });
    }
    const [archive, pruned] = sides as [Side, Side];
    const sizes: { archive: number; pruned: number }[] = [];
    const half = Math.floor(options.blocks / 2);
    for (let height = 1; height <= options.blocks; height++) {
      signal.throwIfAborted();
      if (height % 50 === 1) stage(`playing block ${height} of ${options.blocks}`);
      await pruned.played.take(await archive.played.play());
      if (height !== half && height !== options.blocks) continue;
      await prune(pruned, BigInt(height - options.keepBlocks + 1));
      sizes.push({ archive: await sizeOf(archive), pruned: await sizeOf(pruned) });
    }
    const [first, last] = sizes as [(typeof sizes)[number], (typeof sizes)[number]];
    const blocks = options.blocks - half;
    return (["archive", "pruned"] as const).map((mode) => {
      const grown = last[mode] - first[mode];
      const bytesPerTransaction = grown / Math.max(1, blocks * options.transfers);
      return {
        mode,
        halfBytes: first[mode],
        bytes: last[mode],
        bytesPerTransaction,
        bytesPerBlock: grown / blocks,
      };
    });
  } finally {
    for (const { kv } of sides) await kv.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function prune({ played: { chain } }: Side, target: bigint): Promise<void> {
  while (chain.store.lowestBody() < target) await pruneSome(chain, target);
}

/** The size of the files in bytes, once what was overwritten or deleted is gone from them. */
async function sizeOf({ dir, kv }: Side): Promise<number> {
  await kv.compact();
  return readdirSync(dir).reduce((sum, name) => sum + statSync(join(dir, name)).size, 0);
}
