/**
 * A genesis, keys and blocks for consensus tests: a chain whose blocks are empty and whose state root is a hash of
 * the parent's, so that executing a block is one hash and a wrong execution shows.
 */
import { asHash, concatBytes, type Hash } from "../../../src/base/bytes.ts";
import type { PbftParameters } from "../../../src/chain/genesis/consensus-parameters.ts";
import { type Genesis, genesisBlock } from "../../../src/chain/genesis/genesis.ts";
import type { Ancestry } from "../../../src/chain/types/ancestry.ts";
import { assembleBlock, type Block, type BlockHead } from "../../../src/chain/types/block.ts";
import type { ValidatorSet } from "../../../src/chain/types/validator-set.ts";
import type { Consensus, EngineOptions, WaitingTransaction } from "../../../src/consensus/engine.ts";
import { encodeCommitCertificate } from "../../../src/consensus/pbft/certificate.ts";
import type { PbftEngine } from "../../../src/consensus/pbft/engine.ts";
import type { ParsedMessage } from "../../../src/consensus/pbft/message-bytes.ts";
import type { PbftMessage } from "../../../src/consensus/pbft/message-verifier.ts";
import { signingBytes } from "../../../src/consensus/pbft/messages.ts";
import { quorumOf } from "../../../src/consensus/pbft/quorum.ts";
import { selectConsensus } from "../../../src/consensus/select.ts";
import { sha256 } from "../../../src/crypto/hash.ts";
import { createSigner, type Signer } from "../../../src/crypto/keys.ts";
import { merkleRoot } from "../../../src/crypto/merkle.ts";
import { signatureWorld } from "../../../src/tools/sim/signatures.ts";

export interface Fixture {
  readonly genesis: Genesis<PbftParameters>;
  readonly block0: Block;
  readonly genesisHash: Hash;
  readonly validators: ValidatorSet;
  /** By validator index. */
  readonly signers: readonly Signer[];
  readonly consensus: PbftConsensus;
}

export const PARAMETERS: PbftParameters = {
  type: "pbft",
  checkpointInterval: 4,
  logWindow: 8,
  pipelineDepth: 1,
  rotationInterval: 0,
};

/** Ed25519 is deterministic and so is its check: a schedule that runs a thousand times pays for both once. */
const SIGNATURES = signatureWorld("ed25519");

export function createFixture(n: number, parameters: Partial<PbftParameters> = {}): Fixture {
  const keys = Array.from({ length: n }, (_, i) => {
    const seed = new Uint8Array(32).fill(i + 1);
    return SIGNATURES.signer(seed, createSigner(seed).publicKey);
  });
  const genesis: Genesis<PbftParameters> = {
    name: "test",
    chainId: 7n,
    timeMs: 1_700_000_000_000n,
    profile: "dev",
    consensus: { ...PARAMETERS, ...parameters },
    limits: { maxBlockBytes: 100_000, maxBlockTransactions: 100, maxTxBytes: 1_000, minFee: 0n },
    validators: keys.map((key, i) => ({
      name: `v${i}`,
      publicKey: key.publicKey,
      account: key.publicKey,
      peerId: `peer${i}`,
    })),
    accounts: [],
  };
  const block0 = genesisBlock(genesis, asHash(sha256(new Uint8Array(1))));
  const consensus = selectConsensus(genesis, block0.hash, { signatureRules: SIGNATURES.rules }) as Consensus<
    ParsedMessage,
    PbftMessage
  >;
  const { validators } = consensus;
  const signers = validators.members.map(
    (member) => keys.find((key) => key.publicKey.every((byte, i) => byte === member.publicKey[i]))!,
  );
  return {
    genesis,
    block0,
    genesisHash: block0.hash,
    validators,
    signers,
    consensus: rememberVerdicts(consensus as PbftConsensus),
  };
}

/** The rules of PBFT look at no ancestor but the parent. */
export const NO_BRANCH: Ancestry = {
  height: 0n,
  headerAt() {
    throw new Error("not asked for under PBFT");
  },
};

/** With an engine for certain: who tests it is a validator. */
export interface PbftConsensus extends Consensus<ParsedMessage, PbftMessage> {
  createEngine(options: EngineOptions): PbftEngine;
}

function rememberVerdicts(consensus: PbftConsensus): PbftConsensus {
  const { verifier, rules } = consensus;
  const sources = new WeakMap<ParsedMessage, string>();
  const messages = new Map<string, ReturnType<typeof verifier.verify>>();
  const seals = new Map<string, ReturnType<typeof rules.verifySeal>>();
  return {
    ...consensus,
    verifier: {
      parse(bytes) {
        const parsed = verifier.parse(bytes);
        if (parsed.ok) sources.set(parsed.value, latin1(bytes));
        return parsed;
      },
      encode: (message) => verifier.encode(message),
      verify: (parsed) => remembered(messages, sources.get(parsed)!, () => verifier.verify(parsed)),
    },
    rules: {
      ...rules,
      verifySeal: (head, seal) =>
        remembered(seals, latin1(head.hash) + latin1(seal), () => rules.verifySeal(head, seal)),
    },
  };
}

function remembered<T>(known: Map<string, T>, key: string, compute: () => T): T {
  if (!known.has(key)) known.set(key, compute());
  return known.get(key)!;
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
}

/** Any waiting transaction. */
export const WORK: WaitingTransaction = { hash: asHash(new Uint8Array(32).fill(7)), ageMs: 0 };

/** The transaction that the block above a height takes. */
export function workAbove(height: bigint): WaitingTransaction {
  const hash = new Uint8Array(32);
  new DataView(hash.buffer).setBigUint64(0, height + 1n);
  return { hash: asHash(hash), ageMs: 0 };
}

/** A commit certificate of Q validators for a block, without one of them: it did not vote. */
export function sealOf(fixture: Fixture, block: BlockHead, without?: number, view = 0n): Uint8Array {
  const { quorum } = quorumOf(fixture.signers.length);
  const { hash, summary } = block;
  const place = { epoch: 0n, view, height: summary.height, hash };
  const others = [...fixture.signers.keys()].filter((from) => from !== without || fixture.signers.length < 3);
  const signatures = others.slice(0, quorum).map((from) => ({
    signer: from,
    signature: fixture.signers[from]!.sign(
      signingBytes(fixture.genesisHash, { type: "commit", from, ...place }),
    ),
  }));
  return encodeCommitCertificate({ view, signatures });
}

/** The state after a block on `parent`. */
export function nextStateRoot(parent: BlockHead, timeMs: bigint): Hash {
  const time = new Uint8Array(8);
  new DataView(time.buffer).setBigUint64(0, timeMs);
  return sha256(concatBytes(parent.summary.stateRoot, time));
}

/** An empty block on `parent`; blocks of different times differ. */
export function buildBlock(fixture: Fixture, parent: BlockHead, proposer: number, timeMs: bigint): Block {
  const fields = fixture.consensus.rules.prepareHead(parent, { timeMs, proposer }, NO_BRANCH);
  const empty = merkleRoot([]);
  return assembleBlock(
    { ...fields.header, previousHash: parent.hash },
    {
      ...fields.summary,
      chainId: fixture.genesis.chainId,
      height: parent.summary.height + 1n,
      txRoot: empty,
      stateRoot: nextStateRoot(parent, fields.summary.timeMs),
      receiptsRoot: empty,
      txCount: 0,
      bodyBytes: 0,
    },
    [],
  );
}
