/** A snapshot that peers offer and this node alone does not take: nobody has lied. */
import { expect, it } from "vitest";
import { snapshotContext } from "../../../src/node/snapshot/snapshot-context.ts";
import { MemoryKv } from "../../../src/storage/memory.ts";
import { genesis, mineOn, openMinedChain } from "../../chain/pow-fixtures.ts";
import { exported, offered } from "./snapshots.ts";

/** By a clock behind all blocks, unless another is given. */
const context = (depth: number, now = () => Number(genesis.timeMs) + 100 * 600_000) =>
  snapshotContext(genesis, { depth, now });

it("names no peer a liar that offers it to a node that asks for more headers, or whose clock is behind", async () => {
  const kv = new MemoryKv();
  const full = await openMinedChain({ kv });
  for (let height = 1; height <= 4; height++)
    expect(await full.importBlock(mineOn(full, []))).toEqual({ kind: "imported" });
  const { bytes } = await exported(context(2), kv);
  const { hash } = full.sealedBlockAt(2n)!.block;
  for (const [asking, why] of [
    [context(3), /none has one that is taken here: 2 headers stand on block 2, 3 are asked for/],
    [context(2, () => Number(genesis.timeMs) - 3 * 3_600_000), /taken here: .*ahead of this clock/],
  ] as const) {
    const { fetched, faults } = await offered(asking, bytes, { hash, height: 2n });
    expect([fetched, faults]).toEqual([
      { ok: false, fault: { code: "no-snapshot", detail: expect.stringMatching(why) } },
      [],
    ]);
  }
});
