/** Receipts of a mined chain, offline: valid only against an anchor of trust that the verifier brings. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { hex0x, parseHex, showHash, utf8 } from "../../src/base/bytes.ts";
import { formatGenesis } from "../../src/chain/genesis/genesis-file.ts";
import type { PowParameters } from "../../src/chain/genesis/pow-parameters.ts";
import { encodeHeader, hashHeader, readHeader } from "../../src/chain/types/block.ts";
import { decode } from "../../src/codec/reader.ts";
import { sha256 } from "../../src/crypto/hash.ts";
import {
  createReceipt,
  openGenesis,
  type ReceiptFile,
  verifyInclusion,
  verifyReceipt,
} from "../../src/sdk/verify.ts";
import { mine } from "../consensus/pow/branch.ts";
import { alice } from "../rpc/fake-node.ts";
import { MinedNode } from "../rpc/mined-node.ts";

const ALL_FIXED = { rule: "fixed", held: 4, fromGenesis: true };
const digest = sha256(utf8("a document"));
let node: MinedNode;
let genesis: string;
let receipt: ReceiptFile;
let headHash: string;

/** The document stands in block 2, three blocks lie on it. */
beforeEach(async () => {
  node = await MinedNode.open();
  genesis = formatGenesis(node.genesis);
  await node.generate(1);
  const tx = alice.anchor({ chain: node.chainRef, nonce: 0, digest, memo: "draft" });
  await node.call("tx_send", { tx: hex0x(tx.bytes) });
  await node.generate(4);
  const proof = await node.call("tx_getProof", { hash: hex0x(tx.id) });
  receipt = createReceipt({ chain: node.chainRef, digest, proof });
  headHash = showHash(node.chain.head.hash);
});
afterEach(() => node.stop());

describe("a receipt of a mined chain", () => {
  it("is unanchored without an anchor, with its work and confirmations", () => {
    expect(receipt.headers).toHaveLength(3);
    expect(verifyReceipt({ receipt, genesis, digest })).toEqual({
      valid: false,
      reason: expect.stringContaining("unanchored: 4 confirmations, work 8"),
      unanchored: { confirmations: 4, work: "8", difficulty: ALL_FIXED },
    });
  });

  it("is valid for whoever knows its block, or one on top of it", () => {
    for (const anchorHash of [receipt.blockHash, headHash]) {
      expect(verifyReceipt({ receipt, genesis, digest, anchorHash })).toMatchObject({
        valid: true,
        by: "block",
        height: 2,
        timeMs: receipt.time,
        memo: "draft",
        sender: alice.addressHex,
        signers: [],
        confirmations: 4,
        work: "8",
        difficulty: ALL_FIXED,
      });
    }
    const below = showHash(node.chain.store.hashAt(1n)!);
    const answer = verifyReceipt({ receipt, genesis, anchorHash: below });
    expect(answer).toMatchObject({ valid: false, unanchored: { work: "8" } });
  });

  it("is valid against a minimum of work that it reaches, and no other", () => {
    expect(verifyReceipt({ receipt, genesis, minimumWork: 8n })).toMatchObject({ valid: true, by: "work" });
    expect(verifyReceipt({ receipt, genesis, minimumWork: 9n })).toMatchObject({
      valid: false,
      reason: expect.stringContaining("the minimum asked for is 9"),
    });
    expect(verifyReceipt({ receipt, genesis, minimumWork: 9n, anchorHash: headHash }).valid).toBe(false);
  });

  it("is refused with a header that does not link, shows no work or is cut", () => {
    const headers = receipt.headers!;
    const swapped = { ...receipt, headers: [headers[1]!, headers[0]!, headers[2]!] };
    const question = { genesis, anchorHash: receipt.blockHash };
    const refused = (file: unknown) => verifyReceipt({ receipt: file, ...question });
    expect(refused(swapped)).toEqual({
      valid: false,
      reason: expect.stringContaining("height 3: it does not link"),
    });
    const cut = { ...receipt, headers: [headers[0]!.slice(0, -2)] };
    expect(refused(cut)).toEqual({ valid: false, reason: expect.stringContaining("header of height 3") });
    let nonce = 0;
    let weak = refused(receipt);
    // About every second nonce misses even the easiest target.
    for (; weak.valid; nonce++) {
      const byte = nonce.toString(16).padStart(2, "0");
      weak = refused({ ...receipt, headers: [`${headers[0]!.slice(0, -2)}${byte}`] });
    }
    expect(weak.reason).toContain("above the target");
    expect(refused({ ...receipt, seal: "0x00" })).toMatchObject({ valid: false });
  });

  it("speaks for no other document, whatever the anchor", () => {
    const other = sha256(utf8("another"));
    expect(verifyReceipt({ receipt, genesis, digest: other, anchorHash: headHash })).toEqual({
      valid: false,
      reason: expect.stringContaining("the document differs"),
    });
    const tampered = { ...receipt, digest: hex0x(other) };
    expect(verifyReceipt({ receipt: tampered, genesis, anchorHash: headHash }).valid).toBe(false);
  });

  it("can rest on the state of a later block", async () => {
    const path = `anchor/${hex0x(digest)}`;
    const proof = await node.call("state_query", { path, prove: true });
    const ofState = createReceipt({ chain: node.chainRef, digest, proof });
    expect(verifyReceipt({ receipt: ofState, genesis, digest, anchorHash: headHash })).toMatchObject({
      valid: true,
      height: 2,
    });
    expect(verifyReceipt({ receipt: ofState, genesis, digest })).toMatchObject({
      unanchored: { confirmations: 1, work: "2" },
    });
  });

  it("has no certificate for the client to check", async () => {
    const { txs } = await node.call("chain_getBlock", { block: 2 });
    const proof = await node.call("tx_getProof", { hash: txs[1], headers: 0 });
    expect(proof.headers).toEqual([]);
    const trusted = openGenesis(genesis);
    if (!trusted.ok) throw new Error(trusted.fault.detail);
    expect(verifyInclusion(proof, sha256(utf8("any")), trusted.value)).toMatchObject({
      ok: false,
      fault: { code: "unanchored" },
    });
  });
});

/** A receipt of a node whose chain has a harder start than the easiest target; the document stands in `block`. */
async function receiptUnder(
  changes: Partial<PowParameters>,
  block: number,
  onTop: number,
): Promise<{ readonly receipt: ReceiptFile; readonly genesis: string }> {
  const other = await MinedNode.open({ startBits: 0x200fffff, ...changes });
  try {
    await other.generate(block - 1);
    const tx = alice.anchor({ chain: other.chainRef, nonce: 0, digest, memo: "draft" });
    await other.call("tx_send", { tx: hex0x(tx.bytes) });
    await other.generate(1 + onTop);
    const proof = await other.call("tx_getProof", { hash: hex0x(tx.id) });
    return {
      receipt: createReceipt({ chain: other.chainRef, digest, proof }),
      genesis: formatGenesis(other.genesis),
    };
  } finally {
    await other.stop();
  }
}

/** The receipt with its last header replaced by others at the easiest target, mined for real. */
function lowered(receipt: ReceiptFile, count = 3): ReceiptFile {
  const kept = receipt.headers!.slice(0, -1);
  const last = decode(parseHex(kept.at(-1) ?? receipt.header)!, "header", readHeader);
  if (!last.ok) throw new Error(last.fault.detail);
  const forged: string[] = [];
  let [previousHash, time] = [hashHeader(last.value), last.value.time];
  for (let i = 0; i < count; i++) {
    const { header, hash } = mine({ bits: 0x207fffff, time: ++time, previousHash });
    forged.push(hex0x(encodeHeader(header)));
    previousHash = hash;
  }
  return { ...receipt, headers: [...kept, ...forged] };
}

describe("the difficulty in a receipt", () => {
  const UNDER = {
    fixed: { changes: {}, block: 4, onTop: 3, before: 0 },
    asert: {
      changes: { retarget: { rule: "asert", halflife: 300 }, spacing: 5, futureLimit: 30 },
      block: 150,
      onTop: 3,
      before: 7,
    },
    bitcoin: {
      changes: { retarget: { rule: "bitcoin", interval: 10, timewarpGuard: true } },
      block: 27,
      onTop: 6,
      before: 7,
    },
  } as const;

  it.each(["fixed", "asert", "bitcoin"] as const)("is held to the %s rule of the genesis", async (rule) => {
    const { changes, block, onTop, before } = UNDER[rule];
    const { receipt, genesis } = await receiptUnder(changes, block, onTop);
    const confirmations = 1 + onTop;
    expect(receipt.before?.length ?? 0).toBe(before);
    expect(receipt.format).toBe(before === 0 ? 1 : 2);
    const question = { genesis, digest, anchorHash: receipt.blockHash };
    const difficulty = { rule, held: confirmations, fromGenesis: rule === "fixed" };
    expect(verifyReceipt({ receipt, ...question })).toMatchObject({ valid: true, confirmations, difficulty });
    const reason = expect.stringMatching(
      `header of height ${block + onTop}: .*${rule} rule of the genesis.*the difficulty is lowered`,
    );
    expect(verifyReceipt({ receipt: lowered(receipt), ...question })).toEqual({ valid: false, reason });
  });

  it("is named as not held where the headers are left out that the rule reads", async () => {
    const { changes, block, onTop } = UNDER.asert;
    const { receipt, genesis } = await receiptUnder(changes, block, onTop);
    const { before: _, ...bare } = receipt;
    expect(verifyReceipt({ receipt: { ...bare, format: 1 }, genesis })).toMatchObject({
      valid: false,
      reason: expect.stringContaining("not held to the asert rule: the headers before them are not here"),
      unanchored: { confirmations: 1 + onTop, difficulty: { held: 0, fromGenesis: false } },
    });
    const cut = { ...receipt, before: receipt.before!.slice(1) };
    expect(verifyReceipt({ receipt: cut, genesis })).toMatchObject({
      unanchored: { difficulty: { held: 0 } },
    });
    const swapped = { ...receipt, before: [...receipt.before!].reverse() };
    expect(verifyReceipt({ receipt: swapped, genesis })).toEqual({
      valid: false,
      reason: expect.stringContaining("it does not link"),
    });
  });

  it("belongs to the format that has it", () => {
    for (const file of [
      { ...receipt, format: 2 },
      { ...receipt, before: [] },
      { ...receipt, format: 3 },
    ]) {
      expect(verifyReceipt({ receipt: file, genesis }).valid).toBe(false);
    }
  });

  it("of a young chain is held from block 0, which must be the genesis's", async () => {
    const { changes } = UNDER.bitcoin;
    const { receipt, genesis } = await receiptUnder(changes, 7, 5);
    // Block 10 begins a period: its target follows from block 0.
    expect(receipt.before).toHaveLength(7);
    const question = { genesis, digest, anchorHash: receipt.blockHash };
    expect(verifyReceipt({ receipt, ...question })).toMatchObject({
      valid: true,
      difficulty: { rule: "bitcoin", held: 6, fromGenesis: true },
    });
    const stranger = await receiptUnder({ ...changes, subsidy: 49n }, 7, 5);
    const before = [stranger.receipt.before![0]!, ...receipt.before!.slice(1)];
    expect(verifyReceipt({ receipt: { ...receipt, before }, ...question }).valid).toBe(false);
  });
});
