/**
 * What a mined block has in place of a certificate, judged offline: the headers from it upwards, and those below it
 * that their targets follow from. They must link, each must show the work that its bits ask for, none easier than the
 * chain's limit, and the bits must be those that the genesis's rule asks for wherever the headers given tell it
 * (consensus/pow/header-excerpt.ts). So the work is still only worth what the verifier knows besides: a block that is known
 * to be the chain's, or how much work counts as proof. Without either it is `unanchored`, never valid: a private
 * chain at the easiest target costs nothing. Source: pow.md 2.10.
 */
import { equalBytes, type Hash, parseHex, parseShownHash } from "../base/bytes.ts";
import { accept, refuse, type Verdict } from "../base/fault.ts";
import { PROOF_HEADERS_MAX } from "../base/limits.ts";
import type { RetargetParameters } from "../chain/genesis/pow-parameters.ts";
import { type BlockHead, hashHeader } from "../chain/types/block.ts";
import { workOf } from "../chain/types/target.ts";
import { decodeHeader } from "../consensus/pow/header-chain.ts";
import { checkExcerpt, type ExcerptHeader, type MinedChain } from "../consensus/pow/header-excerpt.ts";

export type { MinedChain };

/** What the verifier of a mined block knows besides the genesis. */
export interface TrustAnchor {
  /** A block of the chain, at or above the one in question: as it is shown, 0x and 64 digits. */
  readonly anchorHash?: string | undefined;
  /** Expected hashes in the block and the headers on top of it that are proof enough. */
  readonly minimumWork?: bigint | undefined;
}

/** How far the difficulty of the block and of those on top of it was held to the chain's rule. */
export interface HeldDifficulty {
  readonly rule: RetargetParameters["rule"];
  /** Blocks, from the one in question on, whose bits the rule was computed for; the others' bits are their own word. */
  readonly held: number;
  /** Every step from the genesis is shown. Else the rule was followed from the first headers that were given. */
  readonly fromGenesis: boolean;
}

/** The work that stands behind a block, as far as the headers show. */
export interface ShownWork {
  /** Blocks from this one on. */
  readonly confirmations: number;
  /** Expected hashes in all of them. */
  readonly work: bigint;
  readonly difficulty: HeldDifficulty;
  /** What it was held to. */
  readonly by: "block" | "work";
}

export interface WorkQuestion extends TrustAnchor {
  readonly head: BlockHead;
  /** The headers of the blocks on top, ascending: 80 bytes each as 0x-hex. */
  readonly headers: readonly string[];
  /**
   * The headers below, ascending up to the parent; without them the rule is held only to what the block itself tells.
   */
  readonly before?: readonly string[] | undefined;
  /** The rules of the chain, which minedChainOf makes of the genesis. */
  readonly chain: MinedChain;
}

/** Faults: `invalid` (headers that do not hold), `unanchored` (nothing to hold them to, or not reached). */
export function verifyWork(question: WorkQuestion): Verdict<ShownWork, "invalid" | "unanchored"> {
  const { head, anchorHash, minimumWork } = question;
  const read = readChain(question);
  if (!read.ok) return read;
  const { hashes, work, difficulty } = read.value;
  const confirmations = hashes.length;
  const blocks = `${confirmations} ${confirmations === 1 ? "confirmation" : "confirmations"}`;
  const shown = `${blocks}, work ${work}; ${describeDifficulty(difficulty, confirmations)}`;
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
    return refuse("unanchored", `unanchored: ${shown}; the minimum asked for is ${minimumWork}`);
  }
  return accept({ confirmations, work, difficulty, by: anchorHash === undefined ? "work" : "block" });
}

/** A line for people. @param confirmations the blocks that it speaks of */
export function describeDifficulty(
  { rule, held, fromGenesis }: HeldDifficulty,
  confirmations: number,
): string {
  if (held === 0)
    return `their difficulty is not held to the ${rule} rule: the headers before them are not here`;
  const whose = held === confirmations ? "their difficulty" : `the difficulty of ${held} of them`;
  const from = fromGenesis ? "the genesis" : "the first header given, whose own is believed";
  return `${whose} follows the ${rule} rule from ${from}`;
}

interface ReadChain {
  /** The hashes from the block in question on. */
  readonly hashes: readonly Hash[];
  readonly work: bigint;
  readonly difficulty: HeldDifficulty;
}

function readChain({ head, headers, before = [], chain }: WorkQuestion): Verdict<ReadChain, "invalid"> {
  for (const [place, { length }] of [["on top", headers] as const, ["before", before] as const]) {
    if (length <= PROOF_HEADERS_MAX) continue;
    return refuse("invalid", `${length} headers ${place}, at most ${PROOF_HEADERS_MAX} are read`);
  }
  const { height } = head.summary;
  const start = height - BigInt(before.length);
  if (start < 0n) return refuse("invalid", `${before.length} headers before a block of height ${height}`);
  const below = readHeaders(before, start);
  if (!below.ok) return below;
  const above = readHeaders(headers, height + 1n);
  if (!above.ok) return above;
  const all = [...below.value, head, ...above.value];
  const checked = checkExcerpt(chain, start, all);
  if (!checked.ok) {
    const { height: at, detail } = checked.fault;
    return refuse("invalid", `header of height ${at}: ${detail}`);
  }
  const blocks = all.slice(before.length);
  const held = checked.value.slice(before.length).filter((word) => word !== "no");
  return accept({
    hashes: blocks.map(({ hash }) => hash),
    work: blocks.reduce((sum, { header }) => sum + workOf(header.bits), 0n),
    difficulty: {
      rule: chain.parameters.retarget.rule,
      held: held.length,
      fromGenesis: held.length > 0 && held.every((word) => word === "genesis"),
    },
  });
}

function readHeaders(texts: readonly string[], start: bigint): Verdict<readonly ExcerptHeader[], "invalid"> {
  const headers: ExcerptHeader[] = [];
  for (const [i, text] of texts.entries()) {
    const header = decodeHeader(parseHex(text) ?? new Uint8Array());
    if (!header.ok) {
      return refuse("invalid", `header of height ${start + BigInt(i)}: ${header.fault.detail}`);
    }
    headers.push({ header: header.value, hash: hashHeader(header.value) });
  }
  return accept(headers);
}
