/** Goal: the package's entry `quorate/pow` has the promised names and leads to this file. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import * as pow from "../../../src/consensus/pow/pow.ts";
import { MAINNET } from "./mainnet.ts";

test("package.json names the entry quorate/pow", () => {
  const { exports } = JSON.parse(readFileSync(new URL("../../../package.json", import.meta.url), "utf8"));
  expect(exports["./pow"]).toEqual({
    types: "./dist/consensus/pow/pow.d.ts",
    default: "./dist/consensus/pow/pow.js",
  });
});

test("Bitcoin's first block through the entry quorate/pow alone", () => {
  const header = pow.decodeHeader(MAINNET.subarray(0, pow.HEADER_BYTES));
  if (!header.ok) throw new Error(header.fault.detail);
  const { bits } = header.value;
  expect(pow.encodeHeader(header.value)).toEqual(MAINNET.subarray(0, 80));
  expect(pow.bitsFromTarget(pow.targetFromBits(bits))).toBe(bits);
  expect(pow.workOfTarget(pow.targetFromBits(bits))).toBe(pow.workOfBits(bits));
  expect(pow.checkProofOfWork(pow.hashHeader(header.value), bits, pow.BITCOIN.powLimitBits)).toBeUndefined();
  expect(pow.retargetBitcoin({ firstTime: 1261130161, lastTime: 1262152739, bits })).toBe(0x1d00d86a);
  expect(pow.checkHeaders(MAINNET.subarray(0, 800))).toMatchObject({ ok: true, value: { height: 9n } });
});
