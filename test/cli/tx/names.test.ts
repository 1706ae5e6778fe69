/** Goal: a name means one account. Method: a keys folder and a devnet folder side by side. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { hex0x } from "../../../src/base/bytes.ts";
import { resolveAddress, resolveKey } from "../../../src/cli/tx/names.ts";
import { keyOfSeed, saveKey } from "../../../src/node/home/key-file.ts";
import { DEVNET, planNetwork, secretsFromSeed } from "../../../src/node/home/network-plan.ts";

const plan = planNetwork(DEVNET, secretsFromSeed("dev"));
const bob = plan.accounts[1]!;
let dir: string;
let options: { dir: string; devnet: string };

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "quorate-names-"));
  options = { dir: join(dir, "home"), devnet: dir };
  const file = { format: 1, seed: "dev", validators: 4, accounts: 10, balance: "1000000" };
  writeFileSync(join(dir, "devnet.json"), JSON.stringify(file));
});
afterEach(() => rmSync(dir, { recursive: true }));

test("a devnet's accounts and validators go by their names", async () => {
  expect((await resolveKey("bob", options)).key.publicKey).toEqual(bob.address);
  expect((await resolveAddress("node2", options)).address).toEqual(plan.validators[2]!.publicKey);
});

test("hex and paths are taken as they are", async () => {
  expect((await resolveKey(hex0x(bob.seed), options)).key.publicKey).toEqual(bob.address);
  expect((await resolveAddress(hex0x(bob.address), options)).address).toEqual(bob.address);
  const path = join(dir, "some.json");
  saveKey(path, keyOfSeed(bob.seed));
  expect((await resolveAddress(path, options)).address).toEqual(bob.address);
});

test("a key file of the same name is fine if it is the same account, and refused if it is another", async () => {
  saveKey(join(options.dir, "keys", "bob.json"), keyOfSeed(bob.seed));
  saveKey(join(options.dir, "keys", "carol.json"), keyOfSeed(bob.seed));
  expect((await resolveKey("bob", options)).key.publicKey).toEqual(bob.address);
  await expect(resolveKey("carol", options)).rejects.toThrow("give a path");
});

test("what nobody is called is refused with the nearest name", async () => {
  await expect(resolveAddress("alcie", options)).rejects.toThrow('did you mean "alice"?');
  await expect(resolveAddress("0x12", options)).rejects.toThrow("expected an address");
  await expect(resolveKey("bob", { ...options, devnet: "/nonexistent" })).rejects.toThrow(
    "no devnet in /nonexistent",
  );
});
