/**
 * Blocks on demand: mined on this thread, a slice of hashes at a time, one block on the other. For chains whose
 * target is easy enough that a person can wait for it; a harder one is refused before anything is hashed. Blocks
 * made faster than the chain's spacing run ahead of the clock in their times, until the chain calls them early.
 */
import { assert } from "../../base/assert.ts";
import { type Address, type Hash, showHash } from "../../base/bytes.ts";
import { type Fault, fault } from "../../base/fault.ts";
import type { ImportResult } from "../../chain/chain.ts";
import type { Block } from "../../chain/types/block.ts";
import { workOf } from "../../chain/types/target.ts";
import type { Generated } from "../../rpc/mining-api.ts";
import { completeBlock } from "./miner.ts";
import { NonceSearch } from "./miner-search.ts";
import { buildTemplate, type TemplatePorts } from "./miner-template.ts";
import { MiningKernel } from "./mining-kernel.ts";

/** Expected hashes of a block: some seconds of one thread. */
const GENERATE_WORK_MAX = 2n ** 22n;
/** Some milliseconds: between two slices the node does what else waits. */
const SLICE_HASHES = 1 << 14;
/**
 * Stands in place of a thread's index in the extra nonce: threads have lower ones, and miner-work.ts has the next.
 */
const GENERATOR = 0xfffe;

export interface GeneratePorts extends TemplatePorts {
  readonly importBlock: (block: Block) => Promise<ImportResult>;
  /** The node stops, or the operator said stop. */
  readonly isOver: () => boolean;
}

export async function generateBlocks(
  ports: GeneratePorts,
  count: number,
  rewardTo: Address,
): Promise<Generated> {
  const kernel = new MiningKernel();
  const hashes: Hash[] = [];
  const ended = (why: Fault): Generated => ({ hashes, fault: why });
  while (hashes.length < count) {
    if (ports.isOver()) return ended(fault("STOPPING", `stopped after ${hashes.length} of ${count} blocks`));
    const template = await buildTemplate(ports, rewardTo);
    if (template === undefined) return ended(fault("SYNCING", "the head keeps moving; try again"));
    const hard = checkWork(template);
    if (hard !== undefined) return ended(hard);
    const block = await solve(ports, kernel, template, hashes.length);
    if (block === undefined) continue;
    const result = await ports.importBlock(block);
    if (result.kind === "early") return ended(tooEarly(ports, hashes.length, count));
    if (result.kind === "invalid") {
      const why = `this node built block ${showHash(block.hash)} and refuses it: ${result.fault.detail}`;
      return ended(fault("OWN_BLOCK_REFUSED", why));
    }
    hashes.push(block.hash);
  }
  return { hashes, fault: undefined };
}

function checkWork({ header }: Block): Fault | undefined {
  const work = workOf(header.bits);
  if (work <= GENERATE_WORK_MAX) return undefined;
  return fault(
    "TOO_HARD",
    `a block takes ${work} hashes here, blocks on demand at most ${GENERATE_WORK_MAX}: use miner_start`,
  );
}

/** Undefined when it is over. */
async function solve(
  { now, isOver }: GeneratePorts,
  kernel: MiningKernel,
  template: Block,
  number: number,
): Promise<Block | undefined> {
  const { header, summary } = template;
  const search = new NonceSearch(kernel, { number, header, summary }, { thread: GENERATOR, now });
  for (;;) {
    const { solution } = search.scan(SLICE_HASHES);
    if (solution !== undefined) return completeBlock(template, solution.extra, solution);
    await new Promise((resolve) => setImmediate(resolve));
    if (isOver()) return undefined;
  }
}

function tooEarly({ replica }: GeneratePorts, done: number, count: number): Fault {
  const { rules } = replica.chain;
  assert(rules.kind === "forkable", "only a mined block is early");
  const limit = rules.schedule.futureLimit;
  return fault(
    "TOO_EARLY",
    `${done} of ${count} blocks were mined; the next one's time would be more than ${limit} s ahead of the clock, ` +
      "because blocks came faster than a second each: wait, or start a new chain",
  );
}
