/** Goal: an equivocation that one validator sees convicts everywhere, followers included, and stays. Method: a
 * cluster on virtual time; one validator mails two COMMITs for one height to one other. */
import { expect, it } from "vitest";
import { asHash, EMPTY } from "../../src/base/bytes.ts";
import { computeGenesisHash } from "../../src/chain/genesis/genesis-state.ts";
import { encodeMessage } from "../../src/consensus/pbft/message-bytes.ts";
import { signingBytes, type VoteBody } from "../../src/consensus/pbft/messages.ts";
import { createSigner } from "../../src/crypto/keys.ts";
import { DEVNET, planNetwork, secretsFromSeed } from "../../src/node/home/network-plan.ts";
import { encodePacket, MAIL_CONSENSUS } from "../../src/node/ingress/packet.ts";
import { Cluster } from "./cluster.ts";

it("evidence convicts everywhere who voted twice to one", async () => {
  const cluster = new Cluster({ full: 1 });
  await cluster.start();
  const { validators } = planNetwork({ ...DEVNET, validators: 4 }, secretsFromSeed("cluster"));
  const signer = createSigner(validators[3]!.seed);
  for (const digit of [1, 2]) {
    const hash = asHash(new Uint8Array(32).fill(digit));
    const vote: VoteBody<"commit"> = { type: "commit", from: 3, epoch: 0n, view: 0n, height: 1n, hash };
    const signature = signer.sign(signingBytes(computeGenesisHash(cluster.genesis), vote));
    const packet = encodePacket(MAIL_CONSENSUS, encodeMessage(vote, signature, EMPTY));
    cluster.ether.nodes.get(3)!.mail(0, packet);
  }
  const convicted = () =>
    [...cluster.replicas.values()].every(({ evidence }) => evidence.counts().get(3) === 1);
  expect(await cluster.until(convicted)).toBe(true);
  const [record] = cluster.replica(4).evidence.list(10);
  expect(record).toMatchObject({ evidence: { author: 3, phase: "commit", height: 1n } });
  cluster.crash(4);
  await cluster.start(4);
  expect(cluster.replica(4).evidence.list(10)).toEqual([record]);
  expect(cluster.failures).toEqual([]);
  await cluster.stop();
});
