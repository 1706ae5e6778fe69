/** A snapshot that peers offer and this node alone does not take: nobody has lied. */
import { expect, it } from "vitest";
import { SILENT } from "../../../src/base/log.ts";
import { fetchSnapshot } from "../../../src/node/snapshot/fetch-snapshot.ts";
import type { FetchStore } from "../../../src/node/snapshot/fetch-store.ts";
import { snapshotContext } from "../../../src/node/snapshot/snapshot-context.ts";
import { decodeSnapshotQuestion, encodeSnapshotAnswer } from "../../../src/p2p/sync/snapshot-wire.ts";
import { MemoryKv } from "../../../src/storage/memory.ts";
import { VirtualTime } from "../../../src/tools/sim/time.ts";
import { genesis, mineOn, openMinedChain } from "../../chain/pow-fixtures.ts";
import { exported } from "./snapshots.ts";

/** By a clock behind all blocks, unless another is given. */
const context = (depth: number, now = () => Number(genesis.timeMs) + 100 * 600_000) =>
  snapshotContext(genesis, { depth, now });

it("names no peer a liar that offers it to a node that asks for more headers, or whose clock is behind", async () => {
  const kv = new MemoryKv();
  const full = await openMinedChain({ kv });
  for (let height = 1; height <= 4; height++)
    expect(await full.importBlock(mineOn(full, []))).toEqual({ kind: "imported" });
  const { bytes } = await exported(context(2), kv);
  const time = new VirtualTime();
  const piece = (offset: number) => bytes.subarray(offset, offset + 1_000);
  const { headHash, chunks } = { headHash: full.sealedBlockAt(2n)!.block.hash, chunks: 1 };
  for (const [asking, why] of [
    [context(3), /none has one that is taken here: 2 headers stand on block 2, 3 are asked for/],
    [context(2, () => Number(genesis.timeMs) - 3 * 3_600_000), /taken here: .*ahead of this clock/],
  ] as const) {
    const faults: string[] = [];
    let fetched: unknown;
    void fetchSnapshot(
      { above: 0n, waitMs: 1 },
      {
        context: asking,
        store: { head: async () => undefined } as FetchStore,
        scheduler: { now: () => time.nowMs, after: (ms, run) => time.after(ms, run) },
        log: SILENT,
        peers: () => ["honest"],
        reportFault: (_, detail) => void faults.push(detail),
        async request(_, asked) {
          const question = decodeSnapshotQuestion(asked);
          if (question.ok && question.value.kind === "head")
            return encodeSnapshotAnswer({
              kind: "head",
              bytes: bytes.length,
              piece: piece(question.value.offset),
            });
          return encodeSnapshotAnswer({
            kind: "list",
            offers: [{ height: 2n, headHash, chunks, bytes: BigInt(bytes.length) }],
          });
        },
      },
    ).then((found) => {
      fetched = found;
    });
    await time.run(time.nowMs + 60_000, () => fetched !== undefined);
    expect([fetched, faults]).toEqual([
      { ok: false, fault: { code: "no-snapshot", detail: expect.stringMatching(why) } },
      [],
    ]);
  }
});
