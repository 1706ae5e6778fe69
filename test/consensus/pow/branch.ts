/** Branches for tests: all their blocks kept in a list, mined for real where a test needs headers. */
import { asHash, type Hash } from "../../../src/base/bytes.ts";
import type { PowParameters, RetargetParameters } from "../../../src/chain/genesis/pow-parameters.ts";
import { type Header, hashHeader, NO_PARENT } from "../../../src/chain/types/block.ts";
import { meetsTarget } from "../../../src/chain/types/target.ts";
import { BITCOIN } from "../../../src/consensus/pow/bitcoin.ts";
import { expectedBits } from "../../../src/consensus/pow/retarget.ts";
import type { Past } from "../../../src/consensus/pow/time-bounds.ts";

/** Every second hash meets the limit: blocks cost nothing. */
export function easyParameters(retarget: RetargetParameters, spacing = 600): PowParameters {
  return { ...BITCOIN, powLimitBits: 0x207fffff, startBits: 0x207fffff, spacing, retarget };
}

interface Mark {
  readonly time: number;
  readonly bits: number;
}

/** The past of the block after these. */
export function pastOf(marks: readonly Mark[]): Past {
  return {
    height: BigInt(marks.length - 1),
    headerAt: (height) => {
      const mark = marks[Number(height)];
      if (mark === undefined) throw new Error(`no block ${height}`);
      return mark;
    },
  };
}

/** Blocks at these times, each with the bits that the rule asks for. */
export function branchAt(parameters: PowParameters, times: readonly number[]): Mark[] {
  const marks: Mark[] = [];
  for (const time of times) {
    const bits = marks.length === 0 ? parameters.startBits : expectedBits(parameters, pastOf(marks));
    marks.push({ time, bits });
  }
  return marks;
}

/** Tries nonces until the hash meets the header's bits. */
export function mine(fields: Pick<Header, "time" | "bits"> & Partial<Header>): {
  header: Header;
  hash: Hash;
} {
  const root = asHash(new Uint8Array(32).fill(7));
  for (let nonce = 0; ; nonce++) {
    const header = { version: 1, previousHash: NO_PARENT, bodyRoot: root, ...fields, nonce };
    const hash = hashHeader(header);
    if (meetsTarget(hash, header.bits)) return { header, hash };
  }
}

/** Mined headers, linked, at these times. */
export function mineBranch(parameters: PowParameters, times: readonly number[]): Header[] {
  let previousHash = NO_PARENT;
  return branchAt(parameters, times).map((mark) => {
    const { header, hash } = mine({ ...mark, previousHash });
    previousHash = hash;
    return header;
  });
}
