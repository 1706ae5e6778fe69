/** Receipts offline: the true one is believed, and nothing that differs from it in any field or byte. */
import { beforeAll, describe, expect, it } from "vitest";
import { hex0x, utf8 } from "../../src/base/bytes.ts";
import { formatGenesis } from "../../src/chain/genesis/genesis-file.ts";
import { sha256 } from "../../src/crypto/hash.ts";
import { createSigner } from "../../src/crypto/keys.ts";
import { Client } from "../../src/sdk/client.ts";
import {
  createReceipt,
  openGenesis,
  type ReceiptFile,
  type TrustedGenesis,
  verifyReceipt,
} from "../../src/sdk/verify.ts";
import { alice, bob, chainRef, genesis, genesisText, sealBlock } from "../rpc/fake-node.ts";
import { serve } from "../rpc/serve.ts";

const document = utf8("the contract");
const digest = sha256(document);

let trusted: TrustedGenesis;
/** By the transaction, and by the state of a later block: the first anchor, and that of one account. */
let receipts: { transaction: ReceiptFile; state: ReceiptFile; own: ReceiptFile };
/** Receipts whose block is sealed by these signers. */
let sealedBy: (signers: number[], keys?: Parameters<typeof sealBlock>[2]) => ReceiptFile;

beforeAll(async () => {
  const opened = openGenesis(genesisText);
  if (!opened.ok) throw new Error(opened.fault.detail);
  trusted = opened.value;
});

/** One block with transactions around an anchor, another above it. */
async function makeReceipts() {
  const { node, url } = await serve();
  const client = new Client(url);
  node.submit(bob.transfer({ chain: chainRef, nonce: 0, to: alice.address, amount: 1n }).bytes);
  const tx = alice.anchor({ chain: chainRef, nonce: 0, digest, memo: "v1" });
  node.submit(tx.bytes);
  const twice = alice.anchor({ chain: chainRef, nonce: 1, digest });
  node.submit(twice.bytes);
  const { block } = await node.commit();
  await node.commit([1, 2, 3]);
  const proofOf = async (hash: Uint8Array) => (await client.call("tx_getProof", { hash: hex0x(hash) }))!;
  const make = (proof: Parameters<typeof createReceipt>[0]["proof"]) =>
    createReceipt({ chain: chainRef, digest, proof });
  const transaction = make(await proofOf(tx.id));
  const state = make(await client.call("state_query", { path: `anchor/${hex0x(digest)}`, prove: true }));
  const path = `anchor/${hex0x(digest)}/${alice.addressHex}`;
  const entry = await client.call("state_query", { path, prove: true });
  const own = createReceipt({ chain: chainRef, digest, sender: alice.address, proof: entry });
  const sealed = (signers: number[], keys?: Parameters<typeof sealBlock>[2]) => ({
    ...transaction,
    seal: hex0x(sealBlock(block, signers, keys)),
  });
  return {
    transaction,
    state,
    own,
    sealed,
    failed: make(await proofOf(twice.id)),
    transfer: make(await proofOf(block.transactions[0]!.id)),
    client,
  };
}

const verify = (receipt: unknown, more: { digest?: Uint8Array | string } = {}) =>
  verifyReceipt({ receipt, genesis: trusted, ...more });
const reason = (receipt: unknown) => {
  const answer = verify(receipt, { digest });
  return answer.valid ? "valid" : answer.reason;
};

describe("a receipt", () => {
  beforeAll(async () => {
    const { transaction, state, own, sealed } = await makeReceipts();
    receipts = { transaction, state, own };
    sealedBy = sealed;
  });

  it("of the anchoring transaction is believed with the genesis alone", () => {
    const answer = verifyReceipt({
      receipt: JSON.stringify(receipts.transaction),
      genesis: genesisText,
      digest: hex0x(digest),
    });
    expect(answer).toEqual({
      valid: true,
      by: "certificate",
      digest: hex0x(digest),
      height: 1,
      timeMs: Number(genesis.timeMs) + 1_000,
      sender: alice.addressHex,
      memo: "v1",
      blockHash: receipts.transaction.blockHash,
      signers: [0, 1, 2].map((index) => ({ index, name: `node${index}` })),
    });
  });

  it("of the state names the first anchor, though its block is a later one", () => {
    expect(receipts.state.height).toBe(2);
    expect(verify(receipts.state, { digest })).toMatchObject({
      valid: true,
      height: 1,
      timeMs: Number(genesis.timeMs) + 1_000,
      sender: alice.addressHex,
      memo: "v1",
      signers: [{ index: 1 }, { index: 2 }, { index: 3 }],
    });
  });

  it("is refused for a changed document", () => {
    const answer = verify(receipts.transaction, { digest: sha256(utf8("the contract.")) });
    expect(answer).toMatchObject({ valid: false, reason: expect.stringMatching(/^the document differs/) });
    expect(verify(receipts.transaction, { digest: "0x12" })).toMatchObject({ valid: false });
  });

  it("is refused for another genesis, or one that is none", () => {
    const other = formatGenesis({ ...genesis, chainId: 31338n });
    expect(verifyReceipt({ receipt: receipts.transaction, genesis: other })).toMatchObject({
      valid: false,
      reason: expect.stringMatching(/^receipt of another chain/),
    });
    expect(verifyReceipt({ receipt: receipts.transaction, genesis: "{}" })).toMatchObject({
      valid: false,
      reason: expect.stringMatching(/^genesis: /),
    });
  });

  it("is refused with too few signatures, and counts them", () => {
    expect(reason(sealedBy([0, 1]))).toBe("certificate: 2 of 4 signatures, need 3");
    expect(reason(sealedBy([]))).toMatch(/^certificate: 0 of 4/);
    expect(reason(sealedBy([0, 1, 2, 3]))).toBe("valid");
  });

  it("is refused with signatures of strangers", () => {
    const strangers = ["a", "b", "c", "d"].map((name) => createSigner(sha256(utf8(name))));
    expect(reason(sealedBy([0, 1, 2], strangers))).toMatch(/^certificate: 0 of 4 signatures valid, need 3/);
  });

  it("is refused with the certificate of another block", () => {
    expect(reason({ ...receipts.transaction, seal: receipts.state.seal })).toMatch(/^certificate: 0 of 4/);
  });

  it.each(["transaction", "state", "own"] as const)(
    "by %s is refused when any hex digit of it is changed",
    (kind) => {
      for (const { path, text } of textsOf(receipts[kind])) {
        if (!text.startsWith("0x")) continue;
        // Every byte of short texts, a sample of long ones: each check of a certificate costs signatures.
        const step = Math.max(1, Math.floor(text.length / 60));
        for (let i = 2; i < text.length; i += step) {
          const digit = text[i] === "0" ? "1" : "0";
          const changed = replaceAt(receipts[kind], path, `${text.slice(0, i)}${digit}${text.slice(i + 1)}`);
          expect(reason(changed), `${path.join(".")} at ${i}`).not.toBe("valid");
        }
      }
    },
  );

  it.each(["transaction", "state", "own"] as const)(
    "by %s is refused when a field is missing, added or changed",
    (kind) => {
      for (const { path, value } of leavesOf(receipts[kind])) {
        const name = path.join(".");
        expect(reason(replaceAt(receipts[kind], path, undefined)), `${name} missing`).not.toBe("valid");
        const changed = typeof value === "number" ? value + 1 : `${value}00`;
        expect(reason(replaceAt(receipts[kind], path, changed)), `${name} changed`).not.toBe("valid");
      }
      expect(reason({ ...receipts[kind], note: "trust me" })).toMatch(/note/);
      expect(reason({ ...receipts[kind], format: 5 })).toMatch(/^receipt: format/);
      expect(reason({ ...receipts[kind], format: 4 })).toMatch(/^receipt: epochs/);
      expect(reason({ ...receipts[kind], format: 2 })).toMatch(/^receipt: before/);
      const other = kind === "own" ? 1 : 3;
      expect(reason({ ...receipts[kind], format: other })).toMatch(/^receipt: evidence.sender/);
    },
  );

  it("is refused in every shape that is none, without throwing", () => {
    for (const strange of [undefined, null, 1, "", "{", "[]", {}, [], "x".repeat(2_000_000)]) {
      expect(reason(strange)).toMatch(/^receipt/);
    }
    const { evidence } = receipts.transaction;
    if (evidence.type !== "transaction") throw new Error("the other kind");
    for (const txPath of [
      { ...evidence.txPath, count: 2 ** 32 },
      { ...evidence.txPath, index: -1 },
      { ...evidence.txPath, index: 3 },
      { ...evidence.txPath, siblings: [] },
    ]) {
      expect(reason({ ...receipts.transaction, evidence: { ...evidence, txPath } })).not.toBe("valid");
    }
  });
});

it("a receipt of a failed anchor, of a transfer or of an absent anchor proves nothing", async () => {
  const { failed, transfer, client } = await makeReceipts();
  expect(reason(failed)).toBe("the transaction failed with code 1: it anchored nothing");
  expect(reason(transfer)).toBe("the transaction anchors no document");
  const absent = await client.call("state_query", { path: `anchor/${hex0x(sha256(digest))}`, prove: true });
  expect(() => createReceipt({ chain: chainRef, digest, proof: absent })).toThrow("no anchor");
});

type Path = readonly (string | number)[];

function leavesOf(value: unknown, path: Path = []): { path: Path; value: unknown }[] {
  if (typeof value !== "object" || value === null) return [{ path, value }];
  return Object.entries(value).flatMap(([key, inner]) => leavesOf(inner, [...path, key]));
}

function textsOf(receipt: unknown): { path: Path; text: string }[] {
  return leavesOf(receipt).flatMap(({ path, value }) =>
    typeof value === "string" ? [{ path, text: value }] : [],
  );
}

function replaceAt(receipt: unknown, path: Path, value: unknown): unknown {
  const copy = structuredClone(receipt) as never;
  const holder = path.slice(0, -1).reduce((inner: never, key) => inner[key], copy) as Record<string, unknown>;
  const last = path[path.length - 1]!;
  if (value === undefined) delete holder[last];
  else holder[last] = value;
  return copy;
}
