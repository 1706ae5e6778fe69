/** A node that lies about its genesis gets no signature that takes more than was asked for. A server in the test lies. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { hex0x, showHash, utf8 } from "../../src/base/bytes.ts";
import { formatGenesis } from "../../src/chain/genesis/genesis-file.ts";
import { sha256 } from "../../src/crypto/hash.ts";
import { FeeTooHighError, Wallet } from "../../src/sdk/client.ts";
import { openGenesis } from "../../src/sdk/trusted-genesis.ts";
import { bob, genesis, genesisHash, genesisText } from "../rpc/fake-node.ts";
import { atEnd } from "../rpc/serve.ts";
import { quorate } from "./running.ts";

const SEED = hex0x(sha256(utf8("rpc test alice")));
const dearText = formatGenesis({ ...genesis, limits: { ...genesis.limits, minFee: 900_000n } });

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "quorate-lying-"));
});
afterEach(() => rmSync(dir, { recursive: true }));

/** A node that calls its chain `hash` and gives the genesis `text`. */
async function lying(text: string, hash: string) {
  const sent: string[] = [];
  const account = { nonce: 0, pendingNonce: 0, balance: "1000000" };
  const answers: Record<string, unknown> = {
    node_info: { chainId: Number(genesis.chainId), genesisHash: hash },
    chain_getGenesis: { genesis: JSON.parse(text) },
    account_get: account,
  };
  const server = createServer(async (request, response) => {
    const body = await new Response(request as unknown as ReadableStream).text();
    const { id, method } = JSON.parse(body) as { id: number; method: string };
    if (method === "tx_send") sent.push(body);
    response.end(JSON.stringify({ jsonrpc: "2.0", id, result: answers[method] ?? null }));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  atEnd(() => server.close());
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, sent };
}

const place = () => ["--dir", dir, "--devnet", join(dir, "none")];
const transfer = (url: string, ...more: readonly string[]) => {
  const order = ["tx", "transfer", "--from", SEED, "--to", bob.addressHex, "--amount", "5"];
  return quorate(...order, "--rpc", url, ...place(), "--sign-only", ...more);
};
const feeOf = (text: string) => /fee (\d+)/.exec(text)?.[1];

test("a least fee that the node raised is not signed: the genesis that it gives has another hash", async () => {
  const { url, sent } = await lying(dearText, showHash(genesisHash));
  const { code, stdout, stderr } = await transfer(url);
  expect([code, stdout]).toEqual([3, ""]);
  expect(stderr).toContain("calls its chain");
  const file = join(dir, "document");
  writeFileSync(file, "text");
  const words = ["anchor", "add", file, "--from", SEED, "--out", dir, "--rpc", url, ...place()];
  expect((await quorate(...words)).stderr).toContain("calls its chain");
  expect(sent).toEqual([]);
});

test("with a genesis of this machine the fee is that genesis' own, whatever the node says", async () => {
  const { url } = await lying(dearText, showHash(genesisHash));
  const path = join(dir, "genesis.json");
  writeFileSync(path, genesisText);
  for (const named of [["--genesis", path], []]) {
    const { code, stdout } = await transfer(url, ...named);
    expect(code).toBe(0);
    expect(feeOf((await quorate("tx", "decode", stdout.trim())).stdout)).toBe("0");
  }
});

test("a chain that truly asks for much gets it only when the fee was said", async () => {
  const dear = openGenesis(dearText);
  if (!dear.ok) throw new Error(dear.fault.detail);
  const { url } = await lying(dearText, showHash(dear.value.genesisHash));
  const { code, stderr } = await transfer(url);
  expect([code, stderr]).toEqual([2, expect.stringContaining("say --fee 900000")]);
  const said = await transfer(url, "--fee", "900000");
  expect(said.code).toBe(0);
  expect(feeOf((await quorate("tx", "decode", said.stdout.trim())).stdout)).toBe("900000");
});

test("on a terminal amount, fee and sum are shown before the signature", async () => {
  const { url } = await lying(genesisText, showHash(genesisHash));
  const shown = "signs 5 + fee 7 = 12 to ";
  expect((await transfer(url, "--fee", "7")).stderr).not.toContain(shown);
  const { isTTY } = process.stderr;
  process.stderr.isTTY = true;
  try {
    expect((await transfer(url, "--fee", "7")).stderr).toContain(shown);
  } finally {
    process.stderr.isTTY = isTTY;
  }
});

test("the library signs no fee above maxFee, by default 1,000 or the amount", () => {
  const wallet = Wallet.generate().wallet;
  const order = { chain: { chainId: 1n, genesisHash }, nonce: 0, to: bob.address };
  const signed =
    (amount: bigint, fee: bigint, rest = {}) =>
    () =>
      wallet.transfer({ ...order, amount, fee, ...rest });
  expect(signed(5n, 1_001n)).toThrow(FeeTooHighError);
  expect(signed(5n, 1_000n)().fee).toBe(1_000n);
  expect(signed(2_000n, 2_000n)().fee).toBe(2_000n);
  expect(signed(5n, 900_000n, { maxFee: 900_000n })().fee).toBe(900_000n);
  expect(signed(5n, 11n, { maxFee: 10n })).toThrow("above maxFee 10");
  const digest = sha256(utf8("x"));
  expect(() => wallet.anchor({ ...order, digest, fee: 1_001n })).toThrow(FeeTooHighError);
});
