/** Goal: a call of a module by the names of its arguments. Method: a chain in this process, served at a port. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Wallet } from "../../../src/sdk/client.ts";
import { devnet } from "../../../src/testing/virtual-devnet.ts";
import { json } from "../running.ts";

const registry = resolve(import.meta.dirname, "../../../examples/registry/registry.ts");
const ASSET = `0x${"5a".repeat(32)}`;
const SEED = `0x${"07".repeat(32)}`;

let net: Awaited<ReturnType<typeof devnet>>;
let common: string[];
let dir: string;
beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), "quorate-call-"));
  net = await devnet({ validators: 1, modules: [registry] });
  const to = Wallet.fromSeed(Buffer.alloc(32, 7)).addressHex;
  await net.final(net.transfer({ from: "alice", to, amount: 10n }));
  const url = await net.serve();
  common = ["--from", SEED, "--rpc", url, "--dir", dir, "--devnet", join(dir, "none")];
});
afterAll(async () => {
  await net.stop();
  rmSync(dir, { recursive: true, force: true });
});

const call = (...words: string[]) => json("tx", "call", ...words, ...common);

describe("tx call", () => {
  it("takes arguments as options, beside those of the command", async () => {
    const { code, value } = await call("registry.register", "--asset", ASSET, "--label=a house = a home");
    expect({ code, value }).toMatchObject({ code: 0, value: { status: "final" } });
    expect(net.entry("registry", "assets", ASSET)).toMatchObject({ label: "a house = a home" });
  });

  it("checks the certificate by the devnet's own genesis.json, as a payment does", async () => {
    const folder = join(dir, "found");
    mkdirSync(folder);
    writeFileSync(join(folder, "genesis.json"), net.genesis);
    const words = ["registry.register", "--asset", `0x${"5b".repeat(32)}`, "--label", "a boat"];
    const { value } = await json("tx", "call", ...words, ...common.slice(0, -1), folder);
    expect(value).toMatchObject({ finality: { by: "certificate" } });
  });

  it("takes them as --arg name=value too, and says the fault that a module declares", async () => {
    const words = ["registry.register", "--arg", `asset=${ASSET}`, "--arg", "label=again"];
    const { value } = await call(...words);
    expect(JSON.stringify(value)).toContain("REGISTRY_ALREADY_REGISTERED");
  });

  it("calls what every chain has by the same names, a memo left out", async () => {
    const to = net.account("bob").address;
    const paid = await call("bank.transfer", "--to", to, "--amount", "3");
    expect(paid).toMatchObject({ code: 0, value: { status: "final" } });
    expect(net.balance("bob")).toBe(1_000_003n);
    const anchored = await call("anchor.anchor", "--digest", ASSET, "--memo", "a house");
    expect(anchored.value).toMatchObject({ status: "final" });
    const voted = await call("gov.vote", "--proposal", "1", "--approves", "true");
    expect(JSON.stringify(voted.value)).toContain("no module 3");
  });

  it.each([
    [
      ["bank.transfer", "--to", ASSET, "--sum", "3"],
      "--sum: bank.transfer has no such argument; it takes to, amount, memo",
    ],
    [["gov.propose"], "gov.propose: no such call; there are gov.vote"],
    [
      ["registry.register", "--asset", ASSET, "--lable", "x"],
      "--lable: registry.register has no such argument; it takes asset, label",
    ],
    [["registry.register", "--asset", ASSET, "--label"], "--label: a value is missing behind it"],
    [["registry.register", "house"], '"house": an argument of a call is --NAME VALUE'],
    [["registry.register", "--asset", ASSET, "--asset", ASSET], "--asset: given twice"],
    [["registry.sell"], "registry.sell: no such call; there are registry.register, registry.transfer"],
    [["shop.sell"], 'shop.sell: this chain has no module "shop"'],
  ])("refuses %j", async (words, message) => {
    const { code, value } = await call(...words);
    expect(code).toBe(2);
    expect(value.error.message).toContain(message);
  });
});
