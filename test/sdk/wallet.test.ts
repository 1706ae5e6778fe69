/** What a wallet signs. Goal: a memo is on the chain as it was given, or it is refused. */
import { describe, expect, it } from "vitest";
import { parseUtf8 } from "../../src/base/bytes.ts";
import { anchor } from "../../src/chain/modules/anchor.ts";
import { bank } from "../../src/chain/modules/bank.ts";
import { address, call, defineModule } from "../../src/chain/modules/define-module.ts";
import { Wallet } from "../../src/sdk/client.ts";
import { alice, bob, chainRef as chain } from "../rpc/fake-node.ts";

const digest = new Uint8Array(32).fill(7);
const pay = (memo: string) => alice.transfer({ chain, nonce: 0n, to: bob.address, amount: 1n, memo });
const note = (memo: string) => alice.anchor({ chain, nonce: 0n, digest, memo });

function memosOf(memo: string): (string | undefined)[] {
  const paid = bank.decodeCall(pay(memo).payload);
  const noted = anchor.decodeCall(note(memo).payload);
  return [paid, noted].map((call) => (call.ok ? parseUtf8(call.value.memo) : undefined));
}

describe("a memo", () => {
  it.each([
    "",
    "lunch",
    "Zoë",
    "😀",
    "👩‍👩‍👧",
    "\ufffd",
    "\ufeffx",
    "a\u0000b",
    "e\u0301",
    "é",
    "x".repeat(128),
  ])("%j is signed as it is", (memo) => expect(memosOf(memo)).toEqual([memo, memo]));

  it.each(["\ud83d", "x\ude00", "\ude00\ud83d", "\ud83d\ud83d\ude00"])(
    "with half of a surrogate pair is refused: it would become another text (%#)",
    (memo) => {
      for (const sign of [pay, note]) {
        expect(() => sign(memo)).toThrow(RangeError);
        expect(() => sign(memo)).toThrow("memo: half of a surrogate pair, which is no text");
      }
    },
  );

  it("has at most 128 bytes, whatever they spell", () => {
    for (const memo of ["x".repeat(129), "é".repeat(65), "😀".repeat(33)]) {
      expect(() => pay(memo)).toThrow(/^memo: 1[23]\d bytes of UTF-8, at most 128$/);
    }
    expect(memosOf("😀".repeat(32))).toEqual(["😀".repeat(32), "😀".repeat(32)]);
    expect(
      Wallet.fromSeed(digest).transfer({ chain, nonce: 0n, to: bob.address, amount: 1n }).payload,
    ).toHaveLength(41);
  });
});

describe("a module that a node names", () => {
  const pay = defineModule({ name: "pay" }, { now: call({ to: address }, () => undefined) });
  const to = bob.addressHex;

  it("is called by its number on the chain, and never by one of a module that every chain has", () => {
    const sign = (number: number) =>
      alice.call(pay.now, { to }, { chain: { ...chain, modules: new Map([["pay", number]]) }, nonce: 0n });
    expect(sign(16).module).toBe(16);
    expect(() => sign(1)).toThrow("module pay: number 1, declared ones have 16 and above");
  });
});
