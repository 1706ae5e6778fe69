/**
 * A small chain for ledger tests: three funded people, one validator, and rules whose seal is one byte. The real
 * consensus has tests of its own; here only what the ledger itself decides is at stake.
 */
import { type Address, EMPTY, utf8 } from "../../src/base/bytes.ts";
import { fault } from "../../src/base/fault.ts";
import { Chain } from "../../src/chain/chain.ts";
import { AcceptedSignatures } from "../../src/chain/execution/accepted-signatures.ts";
import type { PbftParameters } from "../../src/chain/genesis/consensus-parameters.ts";
import type { Genesis } from "../../src/chain/genesis/genesis.ts";
import { validatorsOf } from "../../src/chain/genesis/genesis.ts";
import { computeGenesisHash } from "../../src/chain/genesis/genesis-state.ts";
import { anchor } from "../../src/chain/modules/anchor.ts";
import { bank } from "../../src/chain/modules/bank.ts";
import type { ConsensusRules, FinalRules } from "../../src/chain/rules.ts";
import type { Block, SealedBlock } from "../../src/chain/types/block.ts";
import {
  type SignedTransaction,
  signTransaction,
  type Transaction,
} from "../../src/chain/types/transaction.ts";
import { sha256 } from "../../src/crypto/hash.ts";
import { createSigner, ED25519, type SignatureRules, type Signer } from "../../src/crypto/keys.ts";
import type { Kv } from "../../src/storage/kv.ts";
import { MemoryKv } from "../../src/storage/memory.ts";

export function person(name: string): Signer {
  return createSigner(sha256(utf8(`test person ${name}`)));
}

export const alice = person("alice");
export const bob = person("bob");
export const carol = person("carol");
export const proposer = person("proposer");

export const genesis: Genesis<PbftParameters> = {
  name: "test",
  chainId: 7n,
  timeMs: 1_700_000_000_000n,
  profile: "dev",
  consensus: { type: "pbft", checkpointInterval: 4, logWindow: 8, pipelineDepth: 1, rotationInterval: 0 },
  limits: { maxBlockBytes: 100_000, maxBlockTransactions: 100, maxTxBytes: 1_000, minFee: 0n },
  validators: [
    { name: "node0", publicKey: proposer.publicKey, account: proposer.publicKey, peerId: "peer0" },
  ],
  accounts: [
    { address: alice.publicKey, balance: 1_000n },
    { address: bob.publicKey, balance: 500n },
  ],
};

export const genesisHash = computeGenesisHash(genesis);

export const SEAL = Uint8Array.of(0x5e);

/** Instant finality, a one-byte seal, times after the parent's. */
export const plainRules: FinalRules = {
  name: "pbft",
  kind: "final",
  notBeforeMs: () => 0,
  transitionOn: () => undefined,
  logFields: () => ({}),
  prepareHead: (parent, proposal) => {
    const timeMs = proposal.timeMs > parent.summary.timeMs ? proposal.timeMs : parent.summary.timeMs + 1n;
    const { hash } = validatorsOf(genesis);
    return {
      header: { version: 2, time: Number(timeMs / 1000n), bits: 0, nonce: 0 },
      summary: {
        epoch: 0n,
        timeMs,
        proposer: 0,
        flags: 0,
        validatorsHash: hash,
        nextValidatorsHash: hash,
        extra: EMPTY,
      },
    };
  },
  checkHead: (parent, head) =>
    head.summary.timeMs > parent.summary.timeMs ? undefined : fault("time-not-after-parent", "test rule"),
  verifySeal: (_, seal) =>
    seal.length === 1 && seal[0] === SEAL[0] ? undefined : fault("bad-seal", "test rule"),
  weight: () => 1n,
  feeRecipient: () => proposer.publicKey,
  executionTimeMs: (_, head) => head.summary.timeMs,
  describeSeal: () => ({ type: "pbft", view: 0n, commits: [] }),
};

export function openChain(
  kv: Kv = new MemoryKv(),
  rules: ConsensusRules = plainRules,
  signatureRules: SignatureRules = ED25519,
): Promise<Chain> {
  return Chain.open(genesis, { kv, rules, signatures: new AcceptedSignatures(genesisHash, signatureRules) });
}

type Changes = Partial<Omit<Transaction, "from" | "module" | "payload">>;

function transaction(
  signer: Signer,
  module: number,
  payload: Uint8Array,
  changes: Changes,
): SignedTransaction {
  const fields = { chainId: genesis.chainId, nonce: 0n, fee: 0n, validUntilHeight: 0n, ...changes };
  return signTransaction({ ...fields, module, payload }, signer, genesisHash);
}

export function transfer(
  from: Signer,
  to: Address,
  amount: bigint,
  changes: Changes = {},
): SignedTransaction {
  return transaction(from, bank.id, bank.encodeCall({ to, amount, memo: EMPTY }), changes);
}

export function anchorOf(from: Signer, document: string, changes: Changes = {}): SignedTransaction {
  const call = { digest: sha256(utf8(document)), memo: utf8("memo") };
  return transaction(from, anchor.id, anchor.encodeCall(call), changes);
}

/** Builds, seals and imports one block of the given transactions on the head. */
export async function extend(chain: Chain, ...transactions: readonly SignedTransaction[]): Promise<Block> {
  const block = build(chain, ...transactions);
  const result = await chain.importBlock(sealed(block));
  if (result.kind !== "imported") throw new Error(`not imported: ${JSON.stringify(result)}`);
  return block;
}

export function build(chain: Chain, ...transactions: readonly SignedTransaction[]): Block {
  const proposal = { timeMs: chain.head.summary.timeMs + 1_000n, proposer: 0 };
  const block = chain.buildBlock(chain.head.hash, proposal, () => transactions, true);
  if (block === undefined) throw new Error("nothing built");
  return block;
}

export function sealed(block: Block): SealedBlock {
  return { block, seal: SEAL };
}
