/**
 * What a block costs at several lengths of one chain, which is played into a real database up to each: processor time of building,
 * executing and committing it, the median of the blocks from there on.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { syncedLazily } from "../../node/stored-chain/lazy-sync.ts";
import type { Kv } from "../../storage/kv.ts";
import { openLevel } from "../../storage/level.ts";
import { MemoryKv } from "../../storage/memory.ts";
import { PlayedChain, type PlayedOptions } from "./played-chain.ts";
import { median } from "./statistics.ts";

const WARM_BLOCKS = 300;

export interface LengthOptions extends PlayedOptions {
  /** The lengths of chains that are measured, ascending. */
  readonly lengths: readonly number[];
  /** Blocks that are measured at each. */
  readonly measured: number;
}

export interface LengthCost {
  readonly blocks: number;
  /** Microseconds of processor time a block. */
  readonly blockUs: number;
  /** The cost in units of that at the first length. */
  readonly ratio: number;
}

export async function measureLengths(
  { lengths, measured, ...options }: LengthOptions,
  signal: AbortSignal,
  stage: (text: string) => void,
): Promise<readonly LengthCost[]> {
  await warmUp(options);
  const dir = mkdtempSync(join(tmpdir(), "quorate-bench-length-"));
  const kv = await openLevel(dir);
  const lazy = syncedLazily(kv);
  let isMeasured = false;
  // What is only played on the way waits for the disk once in many blocks: most of a long chain's time would be waiting.
  const store: Kv = {
    ...lazy,
    write: (operations, options) => (isMeasured ? kv : lazy).write(operations, options),
  };
  try {
    const played = await PlayedChain.open(PlayedChain.worldOf(options), store, options);
    const costs: { blocks: number; blockUs: number }[] = [];
    let height = 0;
    for (const blocks of lengths) {
      for (; height < blocks; height++) {
        signal.throwIfAborted();
        if (height % 500 === 0) stage(`playing block ${height} of ${blocks}`);
        await played.play();
      }
      stage(`measuring ${measured} blocks behind block ${blocks}`);
      await lazy.flush();
      isMeasured = true;
      const us: number[] = [];
      for (let i = 0; i < measured; i++, height++) {
        const before = process.cpuUsage();
        await played.play();
        const { user, system } = process.cpuUsage(before);
        us.push(user + system);
      }
      isMeasured = false;
      costs.push({ blocks, blockUs: median(us) });
    }
    const first = costs[0]?.blockUs ?? Number.NaN;
    return costs.map((cost) => ({ ...cost, ratio: cost.blockUs / first }));
  } finally {
    await kv.close();
    rmSync(dir, { recursive: true, force: true });
  }
}

/** So that the code is compiled before the first length is measured. */
async function warmUp(options: PlayedOptions): Promise<void> {
  const played = await PlayedChain.open(PlayedChain.worldOf(options), new MemoryKv(), options);
  for (let i = 0; i < WARM_BLOCKS; i++) await played.play();
}
