/** Fuzz targets: what is shown to somebody who trusts a genesis alone. Receipts, their encoding, proofs of the state. */
import { hex0x, utf8 } from "../../src/base/bytes.ts";
import { decodeStateProof, encodeStateProof } from "../../src/chain/state/state-proof.ts";
import { decodeReceipt, encodeReceipt } from "../../src/chain/types/receipt.ts";
import { sha256 } from "../../src/crypto/hash.ts";
import { Client } from "../../src/sdk/client.ts";
import { createReceipt, verifyReceipt } from "../../src/sdk/verify.ts";
import { devnet } from "../../src/testing/virtual-devnet.ts";
import { canonical, FuzzFailure, type FuzzTarget } from "./target.ts";

const receiptBytes: FuzzTarget = {
  name: "receipt.bytes",
  inSuite: 6_000,
  open: () => {
    const plain = { txid: sha256(utf8("tx")), index: 3, fee: 5n } as const;
    const event = { module: 1, kind: 2, data: utf8("data") };
    return {
      form: "bytes",
      seeds: [
        encodeReceipt({ ...plain, status: "success", code: 0, events: [event, event] }),
        encodeReceipt({ ...plain, status: "failed", code: 7, events: [] }),
      ],
      run: (input) => canonical(input, decodeReceipt(input), encodeReceipt),
    };
  },
};

const stateProof: FuzzTarget = {
  name: "receipt.state-proof",
  inSuite: 4_000,
  open: () => {
    const siblings = [1, 2, 3].map((i) => sha256(Uint8Array.of(i)));
    const other = { kind: "other", keyHash: sha256(utf8("a")), valueHash: sha256(utf8("b")) } as const;
    return {
      form: "bytes",
      seeds: [
        encodeStateProof({ end: { kind: "present" }, siblings }),
        encodeStateProof({ end: { kind: "empty" }, siblings: [] }),
        encodeStateProof({ end: other, siblings }),
      ],
      run: (input) => canonical(input, decodeStateProof(input), encodeStateProof),
    };
  },
};

/** Whatever was changed: it says no with a reason, or it is the same anchor. */
const receiptFile: FuzzTarget = {
  name: "receipt.file",
  inSuite: 300,
  open: async () => {
    const net = await devnet();
    const client = new Client(net.urls, { fetch: net.fetch });
    const { wallet } = net.account("alice");
    const chain = await client.chain();
    const digest = sha256(utf8("the contract"));
    const tx = wallet.anchor({ chain, nonce: 0n, digest, memo: "v1" });
    await client.send(tx, { wait: "final" });
    const byTransaction = await client.call("tx_getProof", { hash: hex0x(tx.id) });
    const byState = await client.call("state_query", { path: `anchor/${hex0x(digest)}`, prove: true });
    await net.stop();
    const receipts = [byTransaction, byState].map((proof) =>
      createReceipt({ chain, digest, proof } as never),
    );
    const genesis = net.genesis as never;
    return {
      form: "json",
      seeds: receipts.map((receipt) => utf8(JSON.stringify(receipt))),
      words: [utf8("0x"), utf8(hex0x(digest))],
      run: (input) => {
        const answer = verifyReceipt({ receipt: new TextDecoder().decode(input), genesis });
        if (!answer.valid) return answer.reason.replace(/[0-9a-fx]{3,}|\d+/g, "n").slice(0, 30);
        if (answer.digest !== hex0x(digest) || answer.sender !== wallet.addressHex || answer.memo !== "v1")
          throw new FuzzFailure(`believed: ${JSON.stringify(answer)}`);
        return "ok";
      },
    };
  },
};

export const RECEIPT_TARGETS: readonly FuzzTarget[] = [receiptBytes, stateProof, receiptFile];
