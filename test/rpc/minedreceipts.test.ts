/** Receipts of a mined chain, offline: valid only against an anchor of trust that the verifier brings. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { hex0x, showHash, utf8 } from "../../src/base/bytes.ts";
import { formatGenesis } from "../../src/chain/genesisfile.ts";
import { sha256 } from "../../src/crypto/hash.ts";
import {
  createReceipt,
  openGenesis,
  type ReceiptFile,
  verifyInclusion,
  verifyReceipt,
} from "../../src/rpc/verify.ts";
import { alice } from "./fakenode.ts";
import { MinedNode } from "./minednode.ts";

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
      unanchored: { confirmations: 4, work: "8" },
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
      reason: expect.stringContaining("height 3 does not link"),
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
