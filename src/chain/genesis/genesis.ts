/**
 * Genesis: the parameters that every node of a chain must share, and block 0 made from them. Block 0's `extra` is
 * the hash of the canonical encoding of every consensus field, so the genesis hash changes when a parameter does
 * and not when white space, a name or a network address does. Reading the JSON file is chain/genesis/genesis-file.ts.
 *
 * This folder: what every node of a chain must share: parameters, their file, block 0 with its state, the subsidy. Not
 * here: ready networks with keys and homes (node/home/network-plan.ts), and the rules that read the parameters
 * (consensus).
 */

import { type Address, compareBytes, type Hash } from "../../base/bytes.ts";
import { Writer } from "../../codec/writer.ts";
import { taggedHash } from "../../crypto/hash.ts";
import { merkleRoot } from "../../crypto/merkle.ts";
import type { Roles } from "../governance/roles.ts";
import type { ModuleLibrary } from "../modules/module-library.ts";
import { assembleBlock, type Block, NO_PARENT } from "../types/block.ts";
import { createValidatorSet, type Validator, type ValidatorSet } from "../types/validator-set.ts";
import { type ConsensusParameters, formatOf } from "./consensus-parameters.ts";
import { encodeGenesisModules, type GenesisModules } from "./genesis-modules.ts";

/** The format of genesis.json that this program reads. A file with another number is refused. */
export const GENESIS_FORMAT = 1;

export interface GenesisLimits {
  readonly maxBlockBytes: number;
  readonly maxBlockTransactions: number;
  readonly maxTxBytes: number;
  readonly minFee: bigint;
}

export interface Genesis<Parameters extends ConsensusParameters = ConsensusParameters> {
  /** The name that people read; it is no part of the consensus. */
  readonly name: string;
  readonly chainId: bigint;
  readonly timeMs: bigint;
  /** The kind of chain: only a dev chain may have minFee 0 and well-known keys. */
  readonly profile: "dev" | "production";
  readonly consensus: Parameters;
  readonly limits: GenesisLimits;
  readonly validators: readonly Validator[];
  readonly accounts: readonly { readonly address: Address; readonly balance: bigint }[];
  /** The modules that this chain declares. Left out where it declares none. */
  readonly modules?: GenesisModules;
  /** Who may send, and who may say so, when the chain begins. Left out where anybody may send for ever. */
  readonly roles?: Roles;
  /** The code of these modules and of later versions, which is no part of the file. */
  readonly code?: ModuleLibrary;
}

const hashParameters = taggedHash("quorate/genesis/v1");

/** The canonical encoding of every consensus field (docs/protocol.md, "Genesis"). */
export function encodeGenesis(genesis: Genesis): Uint8Array {
  const writer = new Writer(1024).u16(GENESIS_FORMAT).u64(genesis.chainId).u64(genesis.timeMs);
  writer.u8(genesis.profile === "dev" ? 0 : 1);
  formatOf(genesis.consensus).encode(writer, genesis.consensus);
  const { limits } = genesis;
  writer.u32(limits.maxBlockBytes).u32(limits.maxBlockTransactions).u32(limits.maxTxBytes).u64(limits.minFee);
  writer.list(validatorsOf(genesis).members, (w, member) => w.raw(member.publicKey).raw(member.account));
  const accounts = [...genesis.accounts].sort((a, b) => compareBytes(a.address, b.address));
  writer.list(accounts, (w, account) => w.raw(account.address).u64(account.balance));
  encodeGenesisModules(writer, genesis.modules);
  return writer.finish();
}

/** The members of epoch 0, which has no end yet. */
export function validatorsOf(genesis: Genesis): ValidatorSet {
  return createValidatorSet(0n, genesis.validators);
}

/** @param stateRoot root of the state that holds the genesis accounts. */
export function genesisBlock(genesis: Genesis, stateRoot: Hash): Block {
  const { header, summary } = formatOf(genesis.consensus).blockZero(genesis.consensus, {
    timeMs: genesis.timeMs,
    validatorsHash: validatorsOf(genesis).hash,
  });
  const empty = merkleRoot([]);
  return assembleBlock(
    { ...header, previousHash: NO_PARENT, time: Number(genesis.timeMs / 1000n), nonce: 0 },
    {
      ...summary,
      chainId: genesis.chainId,
      height: 0n,
      epoch: 0n,
      proposer: 0,
      flags: 0,
      txRoot: empty,
      stateRoot,
      receiptsRoot: empty,
      txCount: 0,
      bodyBytes: 0,
      extra: hashParameters(encodeGenesis(genesis)),
    },
    [],
  );
}
