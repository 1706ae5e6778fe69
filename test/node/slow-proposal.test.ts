/** A faulty primary proposes what only ZIP-215 accepts, by the dozen: the others replace it and go on. */
import { expect, it, vi } from "vitest";
import { EMPTY } from "../../src/base/bytes.ts";
import { SLOW_SIGNATURES_PER_PROPOSAL_MAX } from "../../src/base/limits.ts";
import { computeGenesisHash } from "../../src/chain/genesis/genesis-state.ts";
import { readAccount } from "../../src/chain/modules/accounts.ts";
import { bank } from "../../src/chain/modules/bank.ts";
import { signTransaction } from "../../src/chain/types/transaction.ts";
import { ED25519, type SignatureRules } from "../../src/crypto/keys.ts";
import { DEVNET, planNetwork, secretsFromSeed } from "../../src/node/home/network-plan.ts";
import { slowSigner } from "../crypto/slow-signer.ts";
import { Cluster } from "./cluster.ts";

/** Of a person of the cluster, `count` transfers whose signatures the native library refuses. */
function slowTransfers({ genesis, people }: Cluster, count: number) {
  const { accounts } = planNetwork({ ...DEVNET, validators: 4 }, secretsFromSeed("cluster"));
  const signer = slowSigner(accounts[1]!.seed);
  const payload = bank.encodeCall({ to: people[0]!.publicKey, amount: 1n, memo: EMPTY });
  const fields = { chainId: genesis.chainId, fee: 0n, validUntilHeight: 0n, module: bank.id, payload };
  return Array.from({ length: count }, (_, nonce) =>
    signTransaction({ ...fields, nonce: BigInt(nonce) }, signer, computeGenesisHash(genesis)),
  );
}

const WITHOUT_KERNEL: SignatureRules = { ...ED25519, verifyEach: undefined };

async function playedWith(count: number, signatureRules: SignatureRules) {
  const cluster = new Cluster({ signatureRules });
  await cluster.start();
  const primary = cluster.replica(0).chain;
  const build = primary.buildBlock.bind(primary);
  const slow = slowTransfers(cluster, count);
  vi.spyOn(primary, "buildBlock").mockImplementation((parent, proposal, _, allowEmpty) =>
    build(parent, proposal, () => slow, allowEmpty),
  );
  const transfer = cluster.transfer(0, 0n, cluster.people[2]!.publicKey, 5n);
  expect(cluster.replica(1).submit(transfer.bytes)).toMatchObject({ ok: true });
  const isFinal = ({ chain }: ReturnType<Cluster["replica"]>) =>
    readAccount(chain.committed, cluster.people[0]!.publicKey)?.nonce === 1n;
  const done = await cluster.until(() => [1, 2, 3].every((index) => isFinal(cluster.replica(index))));
  const views = [1, 2, 3].map((index) => cluster.replica(index).engineStatus()!.view);
  const slowAt1 = [...cluster.replica(1).messageCounts()!.slow];
  await cluster.stop();
  return { done, views, slowAt1, failures: cluster.failures };
}

it("a cluster replaces a primary whose proposals are full of slow signatures", async () => {
  const { done, views, slowAt1, failures } = await playedWith(50, WITHOUT_KERNEL);
  expect(done).toBe(true);
  expect(views).toEqual([1n, 1n, 1n]);
  // Each was looked at no further than one beyond the limit.
  expect(slowAt1).toEqual([["0", SLOW_SIGNATURES_PER_PROPOSAL_MAX + 1]]);
  expect(failures).toEqual([]);
});

it("a cluster commits a block with a few slow signatures", async () => {
  const { done, slowAt1, failures } = await playedWith(SLOW_SIGNATURES_PER_PROPOSAL_MAX, WITHOUT_KERNEL);
  expect(done).toBe(true);
  expect(slowAt1).toEqual([["0", SLOW_SIGNATURES_PER_PROPOSAL_MAX]]);
  expect(failures).toEqual([]);
});

it("a cluster commits a block full of slow signatures where there is a kernel, which makes none slow", async () => {
  const { done, slowAt1, failures } = await playedWith(50, ED25519);
  expect({ done, slowAt1, failures }).toEqual({ done: true, slowAt1: [], failures: [] });
});
