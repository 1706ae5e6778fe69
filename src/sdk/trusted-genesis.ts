/**
 * What an offline check trusts: a genesis, and what follows from it. The validators that signed a certificate get
 * their names from here. In Node or a browser.
 */
import type { Hash } from "../base/bytes.ts";
import { accept, type Verdict } from "../base/fault.ts";
import { type Genesis, validatorsOf } from "../chain/genesis/genesis.ts";
import { readTrustedGenesis } from "../chain/genesis/genesis-fields.ts";
import { hashGenesis } from "../chain/genesis/genesis-hash.ts";
import type { ValidatorSet } from "../chain/types/validator-set.ts";
import { decodeCommitCertificate } from "../consensus/pbft/certificate.ts";
import type { MinedChain } from "../consensus/pow/header-excerpt.ts";
import type { ProvedSets } from "./epoch-chain.ts";

/** A genesis with what follows from it, computed once for many checks. */
export interface TrustedGenesis {
  readonly genesis: Genesis;
  readonly genesisHash: Hash;
  /** The validators of the first epoch. */
  readonly validators: ValidatorSet;
  /** The validator sets of later epochs as far as they were proved before, which are kept between checks. */
  readonly sets?: ProvedSets | undefined;
  /** Breaks of trust that are accepted: ids of transitions, 0x-hex. None is if left out. */
  readonly accepted?: readonly string[] | undefined;
}

/** Reads a genesis and computes the hash and validators that it stands for. */
export function openGenesis(json: string): Verdict<TrustedGenesis> {
  const read = readTrustedGenesis(json);
  if (!read.ok) return read;
  const genesis = read.value;
  return accept({ genesis, genesisHash: hashGenesis(genesis), validators: validatorsOf(genesis) });
}

/** What the headers of a chain are held to whose blocks are mined, or undefined where validators sign them. */
export function minedChainOf({ genesis, genesisHash }: TrustedGenesis): MinedChain | undefined {
  const { consensus } = genesis;
  return "powLimitBits" in consensus ? { parameters: consensus, genesisHash } : undefined;
}

export interface CertificateSigner {
  readonly index: number;
  readonly name: string;
}

/** Who signed a certificate that was verified before; none of one that was not. */
export function signersOf(seal: Uint8Array, { members }: ValidatorSet): readonly CertificateSigner[] {
  const certificate = decodeCommitCertificate(seal);
  if (!certificate.ok) return [];
  return certificate.value.signatures.map(({ signer }) => ({
    index: signer,
    name: members[signer]?.name ?? `${signer}`,
  }));
}
