/** Encrypted keys: what was sealed opens with its password alone, and nothing else that a file may say is believed. */
import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { equalBytes } from "../../../src/base/bytes.ts";
import {
  formatEncryptedKey,
  formatKey,
  keyOfSeed,
  loadKey,
  loadPublicKey,
  saveKeyText,
} from "../../../src/node/home/key-file.ts";

const CHEAP = { n: 16, r: 8, p: 1 };
const key = keyOfSeed(new Uint8Array(32).fill(9));
let dir: string;
let path: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "quorate-keystore-"));
  path = join(dir, "key.json");
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

function written(text: string): string {
  writeFileSync(path, text, { mode: 0o600 });
  return path;
}

function sealed(password = "correct horse"): Record<string, never> {
  return JSON.parse(formatEncryptedKey(key, password, CHEAP));
}

const codeOf = (password?: string) => {
  const loaded = loadKey(path, () => password);
  return loaded.ok ? "ok" : loaded.fault.code;
};

it("a keystore that cannot be written whole leaves no part of it, which would keep the next try from its name", () => {
  expect(() => saveKeyText(path, {} as never)).toThrow();
  expect(existsSync(path)).toBe(false);
});

it("a keystore opens with its password alone, says who it is without one, and holds the secret nowhere", () => {
  const text = formatEncryptedKey(key, "correct horse", CHEAP);
  expect(text).not.toContain("09".repeat(32));
  expect(saveKeyText(path, text).ok).toBe(true);
  const loaded = loadKey(path, () => "correct horse");
  expect(loaded.ok && equalBytes(loaded.value.seed, key.seed)).toBe(true);
  const { value } = loadPublicKey(path) as { value: { publicKey: Uint8Array; isEncrypted: boolean } };
  expect(equalBytes(value.publicKey, key.publicKey)).toBe(true);
  expect(value.isEncrypted).toBe(true);
  expect(codeOf()).toBe("locked");
  expect(codeOf("correct hors")).toBe("wrong-password");
});

it("the password of a keystore is one however a keyboard composes it, and ends at no control character", () => {
  written(formatEncryptedKey(key, "Z\u00fcrich\n", CHEAP));
  expect(codeOf("Zu\u0308rich")).toBe("ok");
});

it("a keystore is refused when any of its bytes was changed, the public key included", () => {
  const file = sealed() as unknown as {
    publicKey: string;
    crypto: {
      kdf: { params: Record<string, unknown> };
      cipher: { params: { iv: string }; message: string; tag: string };
    };
  };
  const flip = (hex: string) => `${hex.slice(0, -1)}${hex.endsWith("0") ? "1" : "0"}`;
  const { kdf, cipher } = file.crypto;
  for (const changed of [
    { ...file, publicKey: flip(file.publicKey) },
    { ...file, crypto: { kdf, cipher: { ...cipher, message: flip(cipher.message) } } },
    { ...file, crypto: { kdf, cipher: { ...cipher, tag: flip(cipher.tag) } } },
    { ...file, crypto: { kdf, cipher: { ...cipher, params: { iv: flip(cipher.params.iv) } } } },
    {
      ...file,
      crypto: { cipher, kdf: { ...kdf, params: { ...kdf.params, salt: flip(String(kdf.params.salt)) } } },
    },
  ]) {
    written(JSON.stringify(changed));
    expect(codeOf("correct horse")).toBe("wrong-password");
  }
});

it.each([
  ["the memory of scrypt", { n: 2 ** 24 }],
  ["the time of scrypt", { n: 2 ** 17, r: 8, p: 3 }],
  ["the time of scrypt with little memory", { n: 2, r: 1, p: 2 ** 21 }],
  // Found by fuzzing: 1.7 s where n is small, for making and hashing the block costs more a byte than mixing it.
  ["the block of scrypt that is many", { n: 2, r: 1, p: 2 ** 19 }],
  ["the block of scrypt that is long", { n: 2, r: 2 ** 19, p: 1 }],
  ["what scrypt is not defined for", { n: 2 ** 16, r: 1 }],
  ["a cost that is none", { n: 17 }],
  ["a cost beyond numbers", { r: 2 ** 29 }],
  ["a short salt", { salt: "0x00" }],
])("the reader of a keystore bounds %s before it computes anything", (_, params) => {
  const file = sealed() as unknown as { crypto: { kdf: { params: object } } };
  Object.assign(file.crypto.kdf.params, params);
  written(JSON.stringify(file));
  let asked = false;
  const loaded = loadKey(path, () => {
    asked = true;
    return "correct horse";
  });
  expect(loaded.ok ? "ok" : loaded.fault.code).toBe("malformed");
  expect(asked).toBe(false);
});

it("a keystore is refused where others may read it, where it is too long, and where it is of another kind", () => {
  written(formatEncryptedKey(key, "x", CHEAP));
  chmodSync(path, 0o640);
  expect(codeOf("x")).toBe("unsafe");
  chmodSync(path, 0o600);
  written(`${formatKey(key)}${" ".repeat(20_000)}`);
  expect(codeOf("x")).toBe("malformed");
  written(JSON.stringify({ ...sealed("x"), version: 3 }));
  expect(codeOf("x")).toBe("malformed");
  written(formatKey(key));
  expect(codeOf()).toBe("ok");
});
