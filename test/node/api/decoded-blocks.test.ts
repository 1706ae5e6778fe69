/** Blocks that RPC keeps decoded: read once for many questions, within a bound, and never what the chain no longer has. */
import { describe, expect, it } from "vitest";
import { asHash, type Hash } from "../../../src/base/bytes.ts";
import type { SealedBlock } from "../../../src/chain/types/block.ts";
import { decodeSealedBlock, encodeSealedBlock } from "../../../src/chain/types/block.ts";
import { DecodedBlocks } from "../../../src/node/api/decoded-blocks.ts";
import { encodedBlocks } from "../../../src/node/ingress/served-blocks.ts";
import type { Replica } from "../../../src/node/replica.ts";
import { RPC_DECODED_BLOCKS_BYTES_MAX } from "../../../src/rpc/budgets/client-held-bytes.ts";
import { devnet } from "../../../src/testing/virtual-devnet.ts";

/** A stored chain whose block of a height has so many bytes of transactions. */
class Stored {
  readonly hashes = new Map<bigint, Hash>();
  readonly bodyBytes: number;
  readonly txCount: number;
  lowest = 1n;
  connected: ((change: { readonly sealed: SealedBlock }) => void) | undefined;
  readonly store = {
    hashAt: (height: bigint) => this.hashes.get(height),
    lowestBody: () => this.lowest,
  };

  constructor(bodyBytes: number, heights: number, txCount = 0) {
    this.bodyBytes = bodyBytes;
    this.txCount = txCount;
    for (let i = 1; i <= heights; i++) this.hashes.set(BigInt(i), asHash(new Uint8Array(32).fill(i)));
  }

  onHeadChange(listener: (change: { readonly sealed: SealedBlock }) => void): void {
    this.connected = listener;
  }

  sealedBlock(hash: Hash): SealedBlock | undefined {
    const { bodyBytes, txCount } = this;
    const isHere = BigInt(hash[0] ?? 0) >= this.lowest;
    return isHere
      ? ({
          block: { hash, summary: { bodyBytes, txCount } },
          seal: new Uint8Array(0),
        } as unknown as SealedBlock)
      : undefined;
  }
}

describe("blocks that are kept decoded", () => {
  it("are decoded once for many reads", () => {
    const blocks = new DecodedBlocks(new Stored(1_000, 3));
    const first = blocks.at(2n);
    for (let i = 0; i < 100; i++) expect(blocks.at(2n)).toBe(first);
    expect(blocks.counts.decodings).toBe(1);
    expect(blocks.at(4n)).toBeUndefined();
  });

  it("take a bounded number of bytes, and the one that was read longest ago goes first", () => {
    const bodyBytes = RPC_DECODED_BLOCKS_BYTES_MAX / 8;
    const blocks = new DecodedBlocks(new Stored(bodyBytes, 40));
    for (let height = 1n; height <= 40n; height++) {
      blocks.at(height);
      blocks.at(1n);
      expect(blocks.counts.bytes).toBeLessThanOrEqual(RPC_DECODED_BLOCKS_BYTES_MAX);
    }
    expect(blocks.counts.decodings).toBe(40);
    blocks.at(2n);
    expect(blocks.counts.decodings).toBe(41);
    const large = new DecodedBlocks(new Stored(RPC_DECODED_BLOCKS_BYTES_MAX, 1));
    expect(large.at(1n)).toBeDefined();
    expect(large.counts.bytes).toBe(0);
  });

  it("are counted with what small transactions take beside their bytes", () => {
    const blocks = new DecodedBlocks(new Stored(350_000, 20, 2_000));
    for (let height = 1n; height <= 20n; height++) blocks.at(height);
    // Four of 3.75 MB, as a heap's snapshot had them.
    expect(blocks.counts.bytes).toBeGreaterThan(4 * 3_750_000);
    expect(blocks.counts.bytes).toBeLessThan(5 * 4_000_000);
    for (let height = 17n; height <= 20n; height++) blocks.at(height);
    expect(blocks.counts.decodings).toBe(20);
    blocks.at(16n);
    expect(blocks.counts.decodings).toBe(21);
  });

  it("need no decoding where the block was connected last", () => {
    const stored = new Stored(1_000, 3);
    const blocks = new DecodedBlocks(stored);
    const head = stored.sealedBlock(stored.hashes.get(3n)!)!;
    stored.connected?.({ sealed: head });
    expect(blocks.at(3n)).toBe(head);
    expect(blocks.counts).toEqual({ decodings: 0, bytes: blocks.counts.bytes });
    expect(blocks.at(2n)?.block.hash).toEqual(stored.hashes.get(2n));
    expect(blocks.counts.decodings).toBe(1);
  });

  it("are of the branch that the chain is on, and gone once they are pruned", () => {
    const stored = new Stored(1_000, 3);
    const blocks = new DecodedBlocks(stored);
    const before = blocks.at(2n);
    stored.hashes.set(2n, asHash(new Uint8Array(32).fill(9)));
    expect(blocks.at(2n)).not.toBe(before);
    stored.lowest = 10n;
    expect(blocks.at(2n)).toBeUndefined();
  });
});

it("a node serves peers the very bytes that a decoded block is encoded to", async () => {
  const net = await devnet({ validators: 1 });
  await net.final(net.transfer({ from: "alice", to: "bob", amount: 5n, memo: "served as it is stored" }));
  const { chain } = (net as unknown as { replica(node: number): Replica }).replica(0);
  const [bytes] = encodedBlocks(chain, 1n, 1);
  const sealed = chain.sealedBlockAt(1n);
  expect(bytes).toEqual(encodeSealedBlock(sealed!));
  expect(decodeSealedBlock(bytes!, chain.genesis.limits)).toEqual({ ok: true, value: sealed });
  await net.stop();
});
