/**
 * `quorate keys` with passwords, as a user would run it: encrypted keys pay, name an account, and are a home's own. The
 * files that are only read are made with a cheap cost.
 */
import { mkdtempSync, openSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { hex0x } from "../../../src/base/bytes.ts";
import { openHome } from "../../../src/node/home/home.ts";
import { formatEncryptedKey, keyOfSeed, loadKey, loadPublicKey } from "../../../src/node/home/key-file.ts";
import { json, quorate } from "../running.ts";

const CHEAP = { n: 16, r: 8, p: 1 };
const key = keyOfSeed(new Uint8Array(32).fill(7));
let dir: string;
let password: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "quorate-keys-"));
  password = join(dir, "password");
  writeFileSync(password, "correct horse\n", { mode: 0o600 });
});
afterEach(() => {
  delete process.env.CREDENTIALS_DIRECTORY;
  rmSync(dir, { recursive: true, force: true });
});

function encrypted(): string {
  const path = join(dir, "sealed.json");
  writeFileSync(path, formatEncryptedKey(key, "correct horse", CHEAP), { mode: 0o600 });
  return path;
}

it("quorate keys makes an encrypted key, and gives one another password, or none", async () => {
  const made = await json("keys", "new", "alice", "--dir", dir, "--encrypt", "--password-file", password);
  expect(made).toMatchObject({ code: 0, value: { isEncrypted: true } });
  expect(statSync(join(dir, "keys", "alice.json")).mode & 0o777).toBe(0o600);
  await json("keys", "import", "bob", "--file", encrypted(), "--dir", dir);
  const other = join(dir, "other");
  writeFileSync(other, "battery staple");
  const words = ["keys", "change-password", "bob", "--dir", dir];
  const wrong = await json(...words, "--password-file", other, "--new-password-file", other);
  expect(wrong).toMatchObject({ code: 2, value: { error: { code: "WRONG_PASSWORD" } } });
  const right = await json(...words, "--password-file", password, "--new-password-file", other);
  expect(right).toMatchObject({ code: 0, value: { isEncrypted: true } });
  const file = join(dir, "keys", "bob.json");
  expect(loadPublicKey(file)).toMatchObject({ ok: true, value: { isEncrypted: true } });
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect((await json(...words, "--password-file", other, "--remove")).code).toBe(0);
  expect(loadKey(file).ok).toBe(true);
});

it("quorate keys imports an encrypted file as it is, lists and shows it without a password, and exports its seed with one", async () => {
  const imported = await json("keys", "import", "bob", "--file", encrypted(), "--dir", dir);
  expect(imported).toMatchObject({ code: 0, value: { address: hex0x(key.publicKey), isEncrypted: true } });
  const { value } = await json("keys", "list", "--dir", dir);
  expect(value.keys).toMatchObject([{ name: "bob", isEncrypted: true }]);
  expect((await quorate("keys", "show", "bob", "--dir", dir)).stdout.trim()).toBe(hex0x(key.publicKey));
  const fd = openSync(password, "r");
  const shown = await json("keys", "export", "bob", "--dir", dir, "--password-fd", String(fd));
  expect(shown.value.seed).toBe(hex0x(key.seed));
  const none = await json("keys", "export", "bob", "--dir", dir);
  expect(none.code).toBe(2);
  expect(none.value.error.message).toContain(
    "bob.json: an encrypted key, and no terminal to ask for its password",
  );
  writeFileSync(password, "");
  const empty = await json("keys", "export", "bob", "--dir", dir, "--password-file", password);
  expect(empty.value.error.message).toContain("the password is empty");
});

it("a command signs with an encrypted key, whose password comes as a systemd credential", async () => {
  await json("init", "--dir", dir);
  await json("keys", "import", "bob", "--file", encrypted(), "--dir", dir);
  const words = ["--from", "bob", "--to", "bob", "--amount", "1", "--nonce", "0", "--fee", "1"];
  // A devnet of the folder that the tests run in may have a bob of its own.
  const places = ["--dir", dir, "--devnet", join(dir, "none"), "--genesis", join(dir, "genesis.json")];
  const signed = ["tx", "sign", ...words, ...places];
  expect((await json(...signed)).code).toBe(2);
  process.env.CREDENTIALS_DIRECTORY = dir;
  writeFileSync(join(dir, "quorate-password"), readFileSync(password));
  expect((await json(...signed)).code).toBe(0);
});

it("a node opens a home whose own keys are encrypted with their password alone", async () => {
  await json("init", "--dir", dir);
  const file = join(dir, "keys", "validator.json");
  const plain = loadKey(file);
  if (!plain.ok) throw new Error(plain.fault.detail);
  writeFileSync(file, formatEncryptedKey(plain.value, "correct horse", CHEAP));
  const locked = openHome(dir);
  expect(locked.ok ? "ok" : locked.fault.code).toBe("locked");
  const opened = openHome(dir, () => "correct horse");
  expect(opened.ok && opened.value.validatorKey?.publicKey).toEqual(plain.value.publicKey);
  const doctor = await json("doctor", "--dir", dir, "--password-file", password);
  expect(doctor.value.checks).toContainEqual(expect.objectContaining({ name: "genesis", ok: true }));
});
