/**
 * What one changed account costs in the state tree, at several numbers of accounts: all sizes take turns, batch by
 * batch, with a sample of the hash rate in each round, so that the machine's moods fall on all alike.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { must } from "../../base/assert.ts";
import { openLevel } from "../../storage/level.ts";
import { median } from "./statistics.ts";
import { TreeSubject, treeHashUs } from "./tree-subject.ts";

export interface StateCost {
  readonly accounts: number;
  /** Microseconds of processor time a changed account: the update of the tree, and with its pages written. */
  readonly updateUs: number;
  readonly writtenUs: number;
  /** The update in hashes of a node's 65 bytes, of the same rounds. */
  readonly hashes: number;
  /** The update over that of the first size. */
  readonly ratio: number;
}

/** Accounts that a block changes. */
const BATCH = 1_000;
const WARM_ROUNDS = 10;

/** @param sizes numbers of accounts, ascending @param rounds batches at each size */
export async function measureState(
  sizes: readonly number[],
  rounds: number,
  signal: AbortSignal,
): Promise<readonly StateCost[]> {
  const folder = await mkdtemp(join(tmpdir(), "quorate-bench-"));
  const subjects: TreeSubject[] = [];
  const hashUs: number[] = [];
  try {
    for (const accounts of sizes) {
      const subject = new TreeSubject(accounts, BATCH, await openLevel(join(folder, `${accounts}`)));
      subjects.push(subject);
      await subject.fill();
    }
    for (let round = -WARM_ROUNDS; round < rounds; round++) {
      signal.throwIfAborted();
      if (round >= 0) hashUs.push(treeHashUs());
      for (const subject of subjects) await subject.change(round + WARM_ROUNDS + 1, round >= 0);
    }
  } finally {
    for (const subject of subjects) await subject.close();
    await rm(folder, { recursive: true, force: true });
  }
  const us = (batchMs: readonly number[]) => (1_000 * median(batchMs)) / BATCH;
  return subjects.map(({ accounts, treeMs, cpuMs }) => ({
    accounts,
    updateUs: us(treeMs),
    writtenUs: us(cpuMs),
    hashes: us(treeMs) / median(hashUs),
    ratio: us(treeMs) / us(must(subjects[0], "there is a smallest state").treeMs),
  }));
}
