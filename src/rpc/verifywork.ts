/**
 * What a mined block has in place of a certificate, judged offline: the headers from it upwards. They must link and
 * each must show the work that its own bits ask for, none easier than the chain's limit; what bits the chain would
 * have asked for cannot be told from here. So the work is only worth what the verifier knows besides: a block that
 * he knows to be the chain's, or how much work he takes for proof. Without either it is `unanchored`, never valid: a
 * private chain at the easiest target costs nothing. Source: pow.md 2.10.
 */
import { equalBytes, type Hash, parseHex, parseShownHash, showHash } from "../base/bytes.ts";
import { accept, refuse, type Verdict } from "../base/fault.ts";
import { PROOF_HEADERS_MAX } from "../base/limits.ts";
import { type BlockHead, hashHeader } from "../chain/block.ts";
import { checkProofOfWork, workOf } from "../chain/target.ts";
import { decodeHeader } from "../consensus/pow/headerchain.ts";

/** What the verifier of a mined block knows besides the genesis. */
export interface TrustAnchor {
  /** A block of the chain, at or above the one in question: as it is shown, 0x and 64 digits. */
  readonly anchorHash?: string | undefined;
  /** Expected hashes in the block and the headers on top of it that are proof enough. */
  readonly minimumWork?: bigint | undefined;
}

/** The work that stands behind a block, as far as the headers show. */
export interface ShownWork {
  /** Blocks from this one on. */
  readonly confirmations: number;
  /** Expected hashes in all of them. */
  readonly work: bigint;
  /** What it was held to. */
  readonly by: "block" | "work";
}

export interface WorkQuestion extends TrustAnchor {
  readonly head: BlockHead;
  /** Of the blocks on top, ascending: 80 bytes each as 0x-hex. */
  readonly headers: readonly string[];
  /** The chain's easiest target, compact. */
  readonly limitBits: number;
}

/** Faults: `invalid` (headers that do not hold), `unanchored` (nothing to hold them to, or not reached). */
export function verifyWork(question: WorkQuestion): Verdict<ShownWork, "invalid" | "unanchored"> {
  const { head, headers, limitBits, anchorHash, minimumWork } = question;
  const chain = readChain(head, headers, limitBits);
  if (!chain.ok) return chain;
  const { hashes, work } = chain.value;
  const confirmations = hashes.length;
  const shown = `${confirmations} ${confirmations === 1 ? "confirmation" : "confirmations"}, work ${work}`;
  if (anchorHash === undefined && minimumWork === undefined) {
    return refuse(
      "unanchored",
      `unanchored: ${shown}; bring a block hash of the chain at or above height ${head.summary.height}, or a minimum of work`,
    );
  }
  if (anchorHash !== undefined) {
    const anchor = parseShownHash(anchorHash);
    if (anchor === undefined) return refuse("invalid", "the trusted block is not 0x and 64 hex digits");
    if (!hashes.some((hash) => equalBytes(hash, anchor))) {
      return refuse(
        "unanchored",
        `unanchored: the trusted block ${anchorHash} is not among the headers from height ${head.summary.height} on (${shown})`,
      );
    }
  }
  if (minimumWork !== undefined && work < minimumWork) {
    return refuse("unanchored", `unanchored: ${shown}, the minimum asked for is ${minimumWork}`);
  }
  return accept({ confirmations, work, by: anchorHash === undefined ? "work" : "block" });
}

function readChain(
  head: BlockHead,
  headers: readonly string[],
  limitBits: number,
): Verdict<{ readonly hashes: readonly Hash[]; readonly work: bigint }, "invalid"> {
  if (headers.length > PROOF_HEADERS_MAX) {
    return refuse("invalid", `${headers.length} headers on top, at most ${PROOF_HEADERS_MAX} are read`);
  }
  const unproven = checkProofOfWork(head.hash, head.header.bits, limitBits);
  if (unproven !== undefined) return refuse("invalid", `proof of work: ${unproven.detail}`);
  const hashes: Hash[] = [head.hash];
  let work = workOf(head.header.bits);
  for (const [i, text] of headers.entries()) {
    const height = head.summary.height + BigInt(i + 1);
    const bytes = parseHex(text) ?? new Uint8Array();
    const header = decodeHeader(bytes);
    if (!header.ok) return refuse("invalid", `header of height ${height}: ${header.fault.detail}`);
    const { previousHash, bits } = header.value;
    if (!equalBytes(previousHash, hashes.at(-1)!)) {
      return refuse(
        "invalid",
        `header of height ${height} does not link: it names ${showHash(previousHash)} as the block before`,
      );
    }
    const hash = hashHeader(header.value);
    const wrong = checkProofOfWork(hash, bits, limitBits);
    if (wrong !== undefined) return refuse("invalid", `header of height ${height}: ${wrong.detail}`);
    hashes.push(hash);
    work += workOf(bits);
  }
  return accept({ hashes, work });
}
