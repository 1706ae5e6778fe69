/** What a replica thinks of announced blocks. */
import { expect, it } from "vitest";
import { SILENT } from "../../../src/base/log.ts";
import type { Block } from "../../../src/chain/types/block.ts";
import { judgeRumor } from "../../../src/node/ingress/rumors.ts";
import { announcementOf, encodeAnnouncement } from "../../../src/p2p/transport/wire.ts";
import { alice, bob, extend, openChain, SEAL, transfer } from "../../chain/fixtures.ts";

async function judgeKnown(seal: (block: Block) => Uint8Array): Promise<string> {
  const chain = await openChain();
  const block = await extend(chain, transfer(alice, bob.publicKey, 1n));
  const ports = {
    chain,
    log: SILENT,
    admit: () => "ignore" as const,
    pooled: () => undefined,
    announced: () => undefined,
    announcements: undefined,
    importBlock: async () => undefined,
    judgeEvidence: () => "ignore" as const,
  };
  const bytes = encodeAnnouncement(announcementOf({ block, seal: seal(block) }));
  return judgeRumor(ports, "blocks", "peer", bytes);
}

it("passes on the announcement of a block that it holds already", async () => {
  expect(await judgeKnown(() => SEAL)).toBe("accept");
});

it("passes on no seal that proves nothing, though it holds the block: each would be a new rumor for everyone", async () => {
  expect(await judgeKnown(() => Uint8Array.of(1, 2, 3))).toBe("reject");
});
