/** A block's head that a certificate proves final: the beginning of every proof of what is in that block. */
import { concatBytes, equalBytes } from "../base/bytes.ts";
import { accept, refuse, type Verdict } from "../base/fault.ts";
import { type BlockHead, readBlockHead } from "../chain/types/block.ts";
import { decode } from "../codec/reader.ts";
import { verifyCommitCertificate } from "../consensus/pbft/certificate.ts";
import { setFor } from "./epoch-chain.ts";
import { bytesOf } from "./proof-parts.ts";
import { type CertificateSigner, minedChainOf, signersOf, type TrustedGenesis } from "./trusted-genesis.ts";

/** Hex, each checked to be so. */
export interface HeadParts {
  readonly header: string;
  readonly summary: string;
  readonly seal: string;
}

export interface FinalHead {
  readonly head: BlockHead;
  /** The validators whose signatures make it final. */
  readonly signers: readonly CertificateSigner[];
}

export function openCertifiedHead(shown: HeadParts, trusted: TrustedGenesis): Verdict<FinalHead> {
  const bytes = concatBytes(bytesOf(shown.header), bytesOf(shown.summary));
  const head = decode(bytes, "header and summary", readBlockHead);
  if (!head.ok) return head;
  const { summary } = head.value;
  const { genesis, genesisHash } = trusted;
  if (summary.chainId !== genesis.chainId) {
    return refuse("invalid", `block of chain ${summary.chainId}, the genesis says ${genesis.chainId}`);
  }
  if (minedChainOf(trusted) !== undefined) {
    return refuse("unanchored", "a mined block has no certificate: its depth says how final it is");
  }
  if (summary.height === 0n && equalBytes(head.value.hash, genesisHash)) {
    return accept({ head: head.value, signers: [] }); // what the genesis makes needs no certificate
  }
  const seal = bytesOf(shown.seal);
  const set = setFor(trusted, summary.epoch, []);
  if (!set.ok) return set;
  const question = { genesisHash, validators: set.value, head: head.value, seal, namesEachBad: true };
  const unproved = verifyCommitCertificate(question);
  if (unproved !== undefined) return refuse("invalid", `certificate: ${unproved.detail}`);
  return accept({ head: head.value, signers: signersOf(seal, set.value) });
}
