/** A chain through a break of trust: two of four validators are gone for good, and the two left name themselves and a third. */
import type { Hash } from "../../../src/base/bytes.ts";
import type { BlockHead } from "../../../src/chain/types/block.ts";
import { transitionId, transitionSigningBytes } from "../../../src/chain/types/transition.ts";
import { plainEpochOn } from "../../../src/chain/types/validator-set.ts";
import { createSigner } from "../../../src/crypto/keys.ts";
import type { EpochNet } from "../../../src/tools/sim/epochs/epoch-net.ts";

const LEFT = [0, 1, 4];

/**
 * @param net of five nodes and four members, not started. @param height that nodes 0, 1 and 4 reach before the break
 * @returns the transition's id, and the head below it
 */
export async function breakTrust(net: EpochNet, height: bigint): Promise<{ id: Hash; head: BlockHead }> {
  net.start();
  await net.until(() => LEFT.every((node) => net.height(node) >= height), 60_000);
  for (const node of [2, 3]) net.cluster.crash(node);
  await net.until(() => false, 4_000);
  const { head } = net.first.chain;
  const fields = {
    genesisHash: net.world.genesisHash,
    epoch: plainEpochOn(head) + 1n,
    height: head.summary.height,
    parentHash: head.hash,
    signaturesNeeded: 2,
    reason: "two machines burnt",
    members: LEFT.map((node) => net.member(node)),
  };
  const id = transitionId(fields);
  const signatures = [0, 1].map((node) => {
    const { publicKey, sign } = createSigner(net.world.plan.validators[node]!.seed);
    return { account: publicKey, signature: sign(transitionSigningBytes(id)) };
  });
  for (const node of LEFT) {
    net.cluster.crash(node);
    net.cluster.node(node).transitions = [{ ...fields, signatures }];
    net.cluster.start(node);
  }
  return { id, head };
}
