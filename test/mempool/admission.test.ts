/** Admission: one order of checks, one code per refusal, the signature last. */
import { describe, expect, it } from "vitest";
import { concatBytes } from "../../src/base/bytes.ts";
import { AcceptedSignatures } from "../../src/chain/execution/accepted-signatures.ts";
import { bank } from "../../src/chain/modules/bank.ts";
import { type SignedTransaction, signTransaction } from "../../src/chain/types/transaction.ts";
import { createSigner } from "../../src/crypto/keys.ts";
import { type AdmissionCode, RELAY_OF_FAULT, replacementFee } from "../../src/mempool/admission.ts";
import { Mempool } from "../../src/mempool/mempool.ts";
import { genesis, genesisHash, headOf, sender, transfer, type World, worldOf } from "./world.ts";

const a = sender("a");
const b = sender("b");
const stranger = sender("s");
const base = headOf([a, b], 1_000n).with(a, { balance: 1_000n, nonce: 3n });

const raw = (module: number, payload: Uint8Array): SignedTransaction =>
  signTransaction(
    { chainId: genesis.chainId, nonce: 3n, fee: 10n, validUntilHeight: 0n, module, payload },
    a,
    genesisHash,
  );

interface Row {
  readonly name: string;
  readonly code: AdmissionCode;
  readonly bytes: Uint8Array;
  /** What the detail must name: the compared values. */
  readonly names: readonly string[];
  readonly before?: (world: World) => void;
}

const good = transfer(a, { nonce: 3 });
const forgedOne = transfer(a, { nonce: 3, memo: "forged" });
const rows: readonly Row[] = [
  {
    name: "an envelope longer than the chain allows",
    code: "TX_TOO_LARGE",
    bytes: new Uint8Array(301),
    names: ["301", "300"],
  },
  { name: "no bytes", code: "TX_MALFORMED", bytes: new Uint8Array(0), names: ["byte 0"] },
  {
    name: "an unknown scheme",
    code: "TX_MALFORMED",
    bytes: new Uint8Array(140).fill(7),
    names: ["scheme 0x7"],
  },
  {
    name: "trailing bytes",
    code: "TX_MALFORMED",
    bytes: concatBytes(good.bytes, Uint8Array.of(0)),
    names: ["1 bytes left over"],
  },
  {
    name: "another chain's",
    code: "TX_WRONG_CHAIN",
    bytes: transfer(a, { nonce: 3, chainId: 8n }).bytes,
    names: ["chain 8", "chain 7"],
  },
  {
    name: "an unknown module",
    code: "TX_UNKNOWN_MODULE",
    bytes: raw(99, new Uint8Array(0)).bytes,
    names: ["99"],
  },
  {
    name: "a payload that does not decode",
    code: "TX_BAD_PAYLOAD",
    bytes: raw(bank.id, new Uint8Array(5)).bytes,
    names: ["transfer", "5 left"],
  },
  {
    name: "a fee below the minimum",
    code: "TX_FEE_TOO_LOW",
    bytes: transfer(a, { nonce: 3, fee: 1 }).bytes,
    names: ["fee 1", "minimum is 2"],
  },
  {
    name: "one that the next block may not hold",
    code: "TX_EXPIRED",
    bytes: transfer(a, { nonce: 3, validUntil: 5 }).bytes,
    names: ["height 5", "next block is 6"],
  },
  {
    name: "a sender that the state does not hold",
    code: "TX_UNKNOWN_SENDER",
    bytes: transfer(stranger).bytes,
    names: ["0x7373", "funds"],
  },
  {
    name: "a used nonce",
    code: "TX_NONCE_TOO_LOW",
    bytes: transfer(a, { nonce: 2 }).bytes,
    names: ["nonce 2", "next is 3"],
  },
  {
    name: "a nonce too far ahead",
    code: "TX_NONCE_GAP",
    bytes: transfer(a, { nonce: 68 }).bytes,
    names: ["nonce 68", "65 ahead", "at most 64", "send nonce 3 first"],
  },
  {
    name: "more than the balance",
    code: "TX_INSUFFICIENT_FUNDS",
    bytes: transfer(a, { nonce: 3, amount: 991 }).bytes,
    names: ["1001", "1000"],
  },
  {
    name: "more than the balance together with the rest of the sender's queue",
    code: "TX_INSUFFICIENT_FUNDS",
    bytes: transfer(a, { nonce: 4, amount: 500 }).bytes,
    names: ["510", "take 510", "1000"],
    before: ({ pool }) => expect(pool.add(transfer(a, { nonce: 3, amount: 500 }).bytes, 0).ok).toBe(true),
  },
  {
    name: "what is in the pool already",
    code: "TX_DUPLICATE",
    bytes: good.bytes,
    names: ["in the pool already"],
    before: ({ pool }) => expect(pool.add(good.bytes, 0).ok).toBe(true),
  },
  {
    name: "a replacement that does not pay enough",
    code: "TX_UNDERPRICED_REPLACEMENT",
    bytes: transfer(a, { nonce: 3, fee: 11 }).bytes,
    names: ["fee 10", "11 offered", "at least 12"],
    before: ({ pool }) => expect(pool.add(good.bytes, 0).ok).toBe(true),
  },
  {
    name: "a signature that does not verify",
    code: "TX_BAD_SIGNATURE",
    bytes: forgedOne.bytes,
    names: ["0x6161"],
    before: ({ forged }) =>
      forged.add(Array.from(forgedOne.hash, (x) => x.toString(16).padStart(2, "0")).join("")),
  },
];

describe("admission to the pool", () => {
  it.each(rows)("refuses $name with $code", ({ code, bytes, names, before }) => {
    const world = worldOf(base);
    before?.(world);
    const size = world.pool.size;
    world.verified = 0;
    const verdict = world.pool.add(bytes, 0);
    expect(verdict.ok).toBe(false);
    if (verdict.ok) return;
    expect(verdict.fault.code).toBe(code);
    for (const name of names) expect(verdict.fault.detail).toContain(name);
    expect(world.pool.size).toBe(size);
    expect(world.verified).toBe(code === "TX_BAD_SIGNATURE" ? 1 : 0);
  });

  it("refuses what a full pool has no room for before it looks at the signature", () => {
    const world = worldOf(base, { transactionsMax: 1 });
    world.pool.add(good.bytes, 0);
    world.verified = 0;
    const verdict = world.pool.add(transfer(b, { fee: 10 }).bytes, 0);
    expect(verdict).toMatchObject({ ok: false, fault: { code: "MEMPOOL_FULL" } });
    if (!verdict.ok) expect(verdict.fault.detail).toContain("least fee that enters is 11");
    expect(world.verified).toBe(0);
  });

  it("admits a well-signed transaction with the real cache of signatures, and not a forged one", () => {
    const signer = createSigner(new Uint8Array(32).fill(5));
    const signatures = new AcceptedSignatures(genesisHash);
    const pool = new Mempool({ genesis }, { head: headOf([signer]), signatures });
    const transaction = transfer(signer);
    const forged = concatBytes(transaction.bytes.subarray(0, -64), new Uint8Array(64));
    expect(pool.add(forged, 0)).toMatchObject({ ok: false, fault: { code: "TX_BAD_SIGNATURE" } });
    expect(pool.add(transaction.bytes, 0).ok).toBe(true);
  });

  it("takes the last allowed values", () => {
    const { pool } = worldOf(base);
    expect(pool.add(transfer(a, { nonce: 67, fee: 2, validUntil: 6 }).bytes, 0).ok).toBe(true);
    expect(pool.add(transfer(b, { fee: 10, amount: 990 }).bytes, 0).ok).toBe(true);
  });

  it("copies a transaction out of the message it came in", () => {
    const { pool } = worldOf(base);
    const message = new Uint8Array(64 * 1024);
    message.set(good.bytes, 100);
    const verdict = pool.add(message.subarray(100, 100 + good.bytes.length), 0);
    message.fill(0);
    expect(verdict.ok && verdict.value.bytes.buffer.byteLength).toBe(good.bytes.length);
    expect(pool.get(good.id)?.bytes).toEqual(good.bytes);
  });

  it("calls only what decodes nowhere a fault of the relaying peer", () => {
    const rejected = Object.entries(RELAY_OF_FAULT).filter(([, relay]) => relay === "reject");
    expect(rejected.map(([code]) => code).sort()).toEqual([
      "TX_BAD_PAYLOAD",
      "TX_COINBASE",
      "TX_MALFORMED",
      "TX_TOO_LARGE",
    ]);
  });

  it.each([
    [0n, 0n, 1n],
    [10n, 0n, 11n],
    [11n, 0n, 13n],
    [10n, 5n, 15n],
    [100n, 5n, 110n],
  ])("asks of a replacement of fee %d with minFee %d at least %d", (fee, minFee, least) => {
    expect(replacementFee(fee, minFee)).toBe(least);
  });
});

it("admission asks for the node's own least fee where it is above the chain's, before the signature", () => {
  const world = worldOf(base, { feeMin: 12n });
  const refused = world.pool.add(transfer(a, { nonce: 3, fee: 11 }).bytes, 0);
  expect(refused).toMatchObject({ ok: false, fault: { code: "TX_FEE_TOO_LOW" } });
  expect(!refused.ok && refused.fault.detail).toContain("fee 11, this node takes 12 or more");
  expect(world.verified).toBe(0);
  expect(world.pool.status().minFeeToEnter).toBe(12n);
  expect(world.pool.add(transfer(a, { nonce: 3, fee: 12 }).bytes, 0)).toMatchObject({ ok: true });
});
