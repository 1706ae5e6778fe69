/** The ledger of an index, fed by hand: chains whose validators change, and what it stores when. */
import { afterEach, describe, expect, it } from "vitest";
import { must } from "../../src/base/assert.ts";
import { VerifiedLedger } from "../../src/indexer/verified-ledger.ts";
import { MemoryKv } from "../../src/storage/memory.ts";
import { EpochNet } from "../../src/tools/sim/epochs/epoch-net.ts";

let net: EpochNet;
afterEach(() => net.cluster.stop());

describe("the ledger of an index", () => {
  it("follows certificates through a change of members, and stores nothing before it is asked to", async () => {
    net = new EpochNet({ seed: 1, nodes: 5, members: 4 }, []);
    net.start();
    await net.until(() => net.height(4) >= 2n, 10_000);
    expect(await net.decide(net.add(4), [0, 1, 2])).toBe(true);
    expect(await net.until(() => net.first.chain.head.summary.epoch >= 1n, 20_000)).toBe(true);
    const { chain } = net.first;
    const top = chain.head.summary.height;
    const kv = new MemoryKv();
    const ledger = await VerifiedLedger.open(chain.genesis, kv);
    for (let height = 1n; height <= top; height++) {
      const sealed = must(chain.sealedBlockAt(height), "the chain has each of its heights");
      const taken = await ledger.take(sealed);
      expect(taken).toMatchObject({ ok: true, value: [{ sealed: { block: { hash: sealed.block.hash } } }] });
    }
    expect(ledger.head.summary).toMatchObject({ height: top, stateRoot: chain.head.summary.stateRoot });
    expect(ledger.head.summary.epoch).toBeGreaterThanOrEqual(1n);
    // Until it is flushed, whoever opens it finds block 0.
    expect((await VerifiedLedger.open(chain.genesis, kv)).head.summary.height).toBe(0n);
    await ledger.flush();
    expect((await VerifiedLedger.open(chain.genesis, kv)).head.summary.height).toBe(top);
  });
});
