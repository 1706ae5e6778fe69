/**
 * A long run: random block trees on the chain and on a naive model (test/chain/forks/tree-world.ts). Prints what was
 * played; exit code 1 at a difference, with the seed that shows it.
 *
 *   npm run blocktrees -- [--trees 50000] [--seed 0] [--full]
 *
 * With --full blocks hold two to four transactions at most, the coinbase included, and the chain fills some itself.
 */
import { parseArgs } from "node:util";
import { runBlockTree } from "../chain/forks/tree-world.ts";

const { values } = parseArgs({
  options: { trees: { type: "string" }, seed: { type: "string" }, full: { type: "boolean" } },
});
const isFull = values.full === true;
const trees = Number(values.trees ?? 50_000);
const first = Number(values.seed ?? 0);
const startedMs = performance.now();
const seconds = () => ((performance.now() - startedMs) / 1000).toFixed(0);
const sums = { blocks: 0, reorgs: 0, found: 0, restarts: 0, built: 0, full: 0 };
let [depth, deepest] = [0, 0];
let failed = 0;
for (let seed = first; seed < first + trees; seed++) {
  try {
    const stats = await runBlockTree(seed, { isFull });
    for (const name of Object.keys(sums) as (keyof typeof sums)[]) sums[name] += stats[name];
    depth = Math.max(depth, stats.depth);
    deepest = Math.max(deepest, stats.deepest);
  } catch (error) {
    failed++;
    console.log(`seed ${seed}: ${(error as Error).message}`);
  }
  if ((seed - first + 1) % 5_000 === 0)
    console.log(`${seed - first + 1} trees, ${failed} differences, ${seconds()} s`);
}
console.log(
  `${trees} trees from seed ${first}, ${failed} differences, ${seconds()} s: ${sums.blocks} blocks, at most ` +
    `${depth} deep, ${sums.found} found invalid; ${sums.reorgs} reorganisations, the deepest of ${deepest} blocks; ` +
    `${sums.restarts} restarts${isFull ? `; ${sums.built} blocks built by the chain, ${sums.full} of them full` : ""}`,
);
process.exitCode = failed === 0 ? 0 : 1;
