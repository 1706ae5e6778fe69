/** What a replica thinks of announced blocks. */
import { expect, it } from "vitest";
import { SILENT } from "../../../src/base/log.ts";
import type { Block } from "../../../src/chain/types/block.ts";
import { judgeFinalAnnouncement } from "../../../src/node/ingress/final-announcements.ts";
import { PassedOn } from "../../../src/node/ingress/passed-on.ts";
import { announcementOf, encodeAnnouncement } from "../../../src/p2p/transport/wire.ts";
import { alice, bob, extend, openChain, SEAL, transfer } from "../../chain/fixtures.ts";

async function judgeKnown(...seals: ((block: Block) => Uint8Array)[]): Promise<string[]> {
  const chain = await openChain();
  const block = await extend(chain, transfer(alice, bob.publicKey, 1n));
  const ports = {
    chain,
    log: SILENT,
    pool: { getByHash: () => undefined },
    passedOn: new PassedOn(),
    transitions: { refused: () => undefined },
    announced: () => undefined,
    importBlock: async () => undefined,
  };
  const verdicts: string[] = [];
  for (const seal of seals) {
    const bytes = encodeAnnouncement(announcementOf({ block, seal: seal(block) }));
    verdicts.push(await judgeFinalAnnouncement(ports, "peer", bytes));
  }
  return verdicts;
}

it("a replica of a final chain passes on the announcement of a block that it holds already", async () => {
  expect(await judgeKnown(() => SEAL)).toEqual(["accept"]);
});

it("a replica of a final chain passes a block on once, however many certificates of it come", async () => {
  expect(
    await judgeKnown(
      () => SEAL,
      () => SEAL,
      () => Uint8Array.of(1, 2, 3),
    ),
  ).toEqual(["accept", "known", "known"]);
});

it("a replica of a final chain passes on no seal that proves nothing, though it holds the block: each would be a new rumor for everyone", async () => {
  expect(await judgeKnown(() => Uint8Array.of(1, 2, 3))).toEqual(["reject"]);
});
