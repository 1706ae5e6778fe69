/**
 * What one changed account costs in the state tree, by the size of its pages:
 *
 *   npx tsx bench/statetree.ts [levels,...] [accounts,...] [accounts a batch]
 *
 * For each page size and number of accounts it fills a LevelDB store, changes random accounts in batches as
 * blocks do (hash keys and values, update the tree, write the pages in one synced batch). It prints per changed
 * account: CPU time of the update alone and with the writing (all threads), time by the clock, the update in
 * SHA-256 of 65 bytes, measured in the same rounds, bytes and pages written, and the update's ratio to the first
 * number of accounts. CPU time is disturbed less by other work on the machine than the clock's. With the ledger's own
 * pages: `quorate bench state`.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openLevel } from "../src/storage/level.ts";
import { median } from "../src/tools/bench/statistics.ts";
import { TreeSubject, treeHashUs } from "../src/tools/bench/tree-subject.ts";

const WARM_ROUNDS = 15;
const MEASURED_ROUNDS = 30;

const numbers = (text: string | undefined, fallback: number[]) => text?.split(",").map(Number) ?? fallback;
const levelsList = numbers(process.argv[2], [2, 4, 6, 8]);
const BATCH = Number(process.argv[4] ?? 1_000);
const accountsList = numbers(process.argv[3], [10_000, 100_000, 1_000_000]);

/** From milliseconds a batch to microseconds a changed account. */
const us = (batchMs: number) => ((batchMs * 1000) / BATCH).toFixed(1);

/**
 * All sizes take turns, batch by batch, with a sample of the hash rate in each round: the machine's speed may
 * change while this runs, the ratios hold.
 */
async function measure(levels: number, directory: string): Promise<void> {
  const subjects: TreeSubject[] = [];
  const hashTimes: number[] = [];
  try {
    for (const accounts of accountsList) {
      const kv = await openLevel(join(directory, `${levels}-${accounts}`));
      subjects.push(new TreeSubject(accounts, BATCH, kv, levels));
      await subjects.at(-1)!.fill();
    }
    for (let round = -WARM_ROUNDS; round < MEASURED_ROUNDS; round++) {
      hashTimes.push(treeHashUs());
      for (const subject of subjects) await subject.change(round + 100, round >= 0);
    }
  } finally {
    for (const subject of subjects) await subject.close();
  }
  print(levels, subjects, median(hashTimes));
}

function print(levels: number, subjects: readonly TreeSubject[], oneHashUs: number): void {
  for (const subject of subjects) {
    const cells = [
      levels,
      subject.accounts,
      us(median(subject.treeMs)),
      us(median(subject.cpuMs)),
      us(median(subject.wallMs)),
      ((median(subject.treeMs) * 1000) / BATCH / oneHashUs).toFixed(1),
      Math.round(subject.bytes / BATCH / MEASURED_ROUNDS),
      (subject.pages / BATCH / MEASURED_ROUNDS).toFixed(2),
      (median(subject.treeMs) / median(subjects[0]!.treeMs)).toFixed(2),
    ];
    console.log(`| ${cells.join(" | ")} |`);
  }
}

console.log(`batches of ${BATCH} accounts\n`);
console.log(
  "| levels | accounts | update, CPU us | with writing, CPU us | clock us | update in hashes | bytes | pages | ratio |",
);
console.log("|---|---|---|---|---|---|---|---|---|");
const directory = await mkdtemp(join(tmpdir(), "quorate-bench-"));
try {
  for (const levels of levelsList) await measure(levels, directory);
} finally {
  await rm(directory, { recursive: true, force: true });
}
console.log(`\nSHA-256 of 65 bytes: ${treeHashUs().toFixed(2)} us at the end`);
