/** What ends a node whose execution gives something else than the validators have certified. */
import { showHash } from "../base/bytes.ts";
import type { Fault } from "../base/fault.ts";
import type { ImportResult } from "../chain/chain.ts";
import type { ChainMode } from "../chain/chain-mode.ts";
import type { BlockHead } from "../chain/types/block.ts";

interface Refused {
  readonly fault: Fault;
  readonly diverges?: boolean;
}

/**
 * Where blocks are mined nobody has certified what a block says of the state: it is invalid, and no more.
 * @throws StateDivergence for a certified block that came to something else here
 */
export function checkConvergence(
  { kind }: Pick<ChainMode, "kind">,
  block: BlockHead,
  result: ImportResult,
): void {
  if (kind === "final" && result.kind === "invalid" && result.diverges) throw refusedHere(block, result);
}

/** Why a node cannot go on with a certified block that it has found invalid. */
export function refusedHere(block: BlockHead, { fault, diverges }: Refused): Error {
  if (diverges) return new StateDivergence(block, fault);
  return new Error(`a block with a commit certificate is invalid here: ${fault.code}: ${fault.detail}`);
}

/**
 * A block that others have certified gives another result when it is executed here: this node's code, data or machine
 * differs from theirs, so what it would say of the state is not what the chain says.
 */
export class StateDivergence extends Error {
  override readonly name = "StateDivergence";
  /** The height of the block. */
  readonly height: bigint;

  constructor({ hash, summary: { height } }: BlockHead, { code, detail }: Fault) {
    super(
      `block ${height} (${showHash(hash)}) is certified by its validators, and this node computes another result: ` +
        `${code}: ${detail}. A module that is not deterministic does that, or data or a program other than theirs. ` +
        "The first keys of the state that differ are named by: quorate diagnose --dir HOME --peer URL",
    );
    this.height = height;
  }
}
