/**
 * Headers from the middle of a chain, held to its rules as far as they themselves allow: all to links, proof of work
 * and the easiest target; bits and times wherever the headers that the rule reads are among them. So whoever is shown
 * a piece of a chain learns what its difficulty rests on: the genesis, the first headers of the piece, or nothing.
 * Source: pow.md 2.1 to 2.5, 2.10; docs/protocol.md, "Receipt file".
 */
import { must } from "../../base/assert.ts";
import { equalBytes, type Hash, showHash } from "../../base/bytes.ts";
import { accept, type Fault, fault } from "../../base/fault.ts";
import type { PowParameters } from "../../chain/genesis/pow-parameters.ts";
import type { Header } from "../../chain/types/block.ts";
import { checkProofOfWork, showBits, targetOf } from "../../chain/types/target.ts";
import { checkTime, checkTimewarp, timewarpReads } from "./check-header.ts";
import type { ChainCode, HeaderFault } from "./header-chain.ts";
import { expectedBits, lowestRead, referenceHeight, retargetBitcoin } from "./retarget.ts";
import { MEDIAN_SPAN, type Past } from "./time-bounds.ts";

/** A chain as its genesis describes it. */
export interface MinedChain {
  readonly parameters: PowParameters;
  /** The hash of block 0. */
  readonly genesisHash: Hash;
}

export interface ExcerptHeader {
  readonly header: Header;
  readonly hash: Hash;
}

/**
 * What the bits of a header rest on. genesis: every step from the genesis's own bits is shown. excerpt: they follow
 * by the rule from headers further down in the excerpt, whose own bits are not shown to follow. no: what the rule
 * reads is not here.
 */
export type Held = "genesis" | "excerpt" | "no";

export type ExcerptVerdict =
  | { readonly ok: true; readonly value: readonly Held[] }
  | { readonly ok: false; readonly fault: HeaderFault };

/** Checks headers from the height `start`, each on the one before. @returns for each what it was held to. */
export function checkExcerpt(
  chain: MinedChain,
  start: bigint,
  headers: readonly ExcerptHeader[],
): ExcerptVerdict {
  const held: Held[] = [];
  const headerAt = (at: bigint) =>
    must(headers[Number(at - start)], "no rule reads below the first header").header;
  for (const [i, shown] of headers.entries()) {
    const height = start + BigInt(i);
    const past: Past = { height: height - 1n, headerAt };
    const excerpt = { chain, start, past };
    const wrong =
      // Block 1 stands on the genesis's, whether that is shown or not.
      checkLink(shown.header, headers[i - 1]?.hash ?? (height === 1n ? chain.genesisHash : undefined)) ??
      (height === 0n ? checkFirst(shown, chain) : checkOne(shown, excerpt));
    if (wrong !== undefined) return { ok: false, fault: { ...wrong, height } };
    held.push(height === 0n ? "genesis" : heldBy(excerpt, held));
  }
  return accept(held);
}

/** What is known before one header. */
interface Excerpt {
  readonly chain: MinedChain;
  readonly start: bigint;
  readonly past: Past;
}

function checkLink({ previousHash }: Header, parent: Hash | undefined): Fault<ChainCode> | undefined {
  if (parent === undefined || equalBytes(previousHash, parent)) return undefined;
  const named = showHash(previousHash);
  return fault("broken-link", `it does not link: it names ${named} as the block before`);
}

/** Block 0 need not meet its target: the genesis says which it is. */
function checkFirst({ hash }: ExcerptHeader, { genesisHash }: MinedChain): Fault<ChainCode> | undefined {
  if (equalBytes(hash, genesisHash)) return undefined;
  return fault("broken-link", `block 0 is ${showHash(hash)}, the genesis makes ${showHash(genesisHash)}`);
}

function checkOne({ header, hash }: ExcerptHeader, excerpt: Excerpt): Fault<ChainCode> | undefined {
  const { parameters } = excerpt.chain;
  return (
    checkProofOfWork(hash, header.bits, parameters.powLimitBits) ??
    checkBits(header.bits, excerpt) ??
    checkTimes(header.time, excerpt)
  );
}

function checkBits(bits: number, excerpt: Excerpt): Fault<"wrong-bits"> | undefined {
  const { start, past } = excerpt;
  const { parameters } = excerpt.chain;
  const { rule } = parameters.retarget;
  const height = past.height + 1n;
  const reads = lowestRead(parameters, height);
  if (reads < height && reads < start) return checkClamp(bits, excerpt);
  const expected = reads === height ? parameters.startBits : expectedBits(parameters, past);
  if (bits === expected) return undefined;
  const asks = `the ${rule} rule of the genesis asks for ${showBits(expected)} here`;
  return fault("wrong-bits", `bits ${showBits(bits)}, ${asks}${easier(bits, expected)}`);
}

/** Checks the begin of a period whose predecessor's first block is not here: it changes by no more than a factor of four. */
function checkClamp(bits: number, { chain, start, past }: Excerpt): Fault<"wrong-bits"> | undefined {
  const { parameters } = chain;
  const { retarget } = parameters;
  if (retarget.rule !== "bitcoin" || past.height < start) return undefined;
  const before = past.headerAt(past.height).bits;
  const period = { ...parameters, interval: retarget.interval };
  const [hardest, easiest] = [0, 0xffff_ffff].map((lastTime) =>
    retargetBitcoin({ firstTime: 0, lastTime, bits: before }, period),
  ) as [number, number];
  const target = targetOf(bits);
  if (targetOf(hardest) <= target && target <= targetOf(easiest)) return undefined;
  const span = `from ${showBits(hardest)} to ${showBits(easiest)}`;
  return fault("wrong-bits", `bits ${showBits(bits)}, after ${showBits(before)} a new period has ${span}`);
}

function easier(bits: number, expected: number): string {
  const [target, wanted] = [targetOf(bits), targetOf(expected)];
  return target > wanted ? `: the difficulty is lowered ${(target / wanted).toString()} times or more` : "";
}

function checkTimes(time: number, { chain, start, past }: Excerpt): Fault<ChainCode> | undefined {
  const { parameters } = chain;
  const height = past.height + 1n;
  const median = start === 0n || height - BigInt(MEDIAN_SPAN) >= start ? checkTime(time, past) : undefined;
  const reads = timewarpReads(parameters, height);
  const isKnown = reads !== undefined && reads >= start;
  return median ?? (isKnown ? checkTimewarp(time, parameters, past) : undefined);
}

/** @param held says what the headers before were held to. */
function heldBy({ chain: { parameters }, start, past }: Excerpt, held: readonly Held[]): Held {
  const height = past.height + 1n;
  const reads = lowestRead(parameters, height);
  if (reads === height) return "genesis";
  if (reads < start) return "no";
  // Whose bits are taken on: the anchor's, or the parent's.
  const anchor = parameters.retarget.rule === "asert" ? referenceHeight(parameters, height) : past.height;
  const source = must(anchor, "asert has a reference for each height above it");
  return held[Number(source - start)] === "genesis" ? "genesis" : "excerpt";
}
