/**
 * A long run: verdicts of batches against those of @noble/ed25519 by ZIP-215, over signatures honest and hostile
 * (test/crypto/signature-cases.ts) in random company, order and size. Prints what was compared; exit code 1 at a
 * difference, with the seed that shows it. Each distinct signature stands in about `--reuse` batches, or so many that
 * there are `--distinct` of them. Its verdict is asked for once: of the native library, which accepts nothing that
 * ZIP-215 refuses (test/crypto/keys.test.ts), and where that refuses, of noble.
 *
 *   npm run signatures -- [--cases 1000000] [--seed 0] [--reuse 20 | --distinct 50000]
 */
import { parseArgs } from "node:util";
import { ED25519, verifyQuickly, verifyZip215 } from "../../src/crypto/keys.ts";
import { Random } from "../../src/tools/sim/random.ts";
import { drawBatch, makeCases, type Oracle } from "../crypto/signature-cases.ts";

/** Distinct signatures of one round. */
const POOL = 2_000;

const { values } = parseArgs({
  options: {
    cases: { type: "string" },
    seed: { type: "string" },
    reuse: { type: "string" },
    distinct: { type: "string" },
  },
});
const cases = Number(values.cases ?? 1_000_000);
const first = Number(values.seed ?? 0);
const reuse = values.distinct === undefined ? Number(values.reuse ?? 20) : cases / Number(values.distinct);
const startedMs = performance.now();
const seconds = () => ((performance.now() - startedMs) / 1000).toFixed(0);
const kinds = new Map<string, number>();
const oracle: Oracle = (...claim) => verifyQuickly(...claim) || verifyZip215(...claim);
let [compared, distinct, batches, invalid, differences] = [0, 0, 0, 0, 0];

if (ED25519.verifyEach === undefined) throw new Error("there is no kernel to compare: run `npm run build`");
for (let seed = first; compared < cases; seed++) {
  const random = new Random(`signatures/${seed}`);
  const pool = makeCases(random, POOL, oracle);
  distinct += pool.length;
  for (const { kind, isValid } of pool) {
    kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
    if (!isValid) invalid++;
  }
  for (const end = compared + pool.length * reuse; compared < Math.min(end, cases); batches++) {
    const batch = drawBatch(random, pool, sizeOf(random));
    const { verdicts } = ED25519.verifyEach!(batch);
    compared += batch.length;
    for (const [i, { isValid, kind }] of batch.entries()) {
      if (verdicts[i] === isValid) continue;
      differences++;
      console.log(`seed ${seed}: a batch of ${batch.length} gives ${kind} the verdict ${verdicts[i]}`);
    }
  }
  console.log(`${compared} verdicts, ${differences} differences, ${seconds()} s`);
}
console.log(
  `${compared} verdicts in ${batches} batches from seed ${first}, ${differences} differences, ${seconds()} s: ` +
    `${distinct} distinct signatures, ${invalid} of them invalid (${[...kinds].map(([kind, count]) => `${kind} ${count}`).join(", ")})`,
);
process.exitCode = differences === 0 ? 0 : 1;

/** 1 to 40 mostly, now and then up to 600: more than the kernel takes at once. */
function sizeOf(random: Random): number {
  return 1 + (random.uint32() % (random.uint32() % 8 === 0 ? 600 : 40));
}
