// Enters an item on a running devnet (npm run devnet), and proves who owns it with the genesis alone.
import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { Client, Wallet } from "quorate/client";
import { openGenesis } from "quorate/verify";
import { verifyEntry } from "quorate/verify/entry";
import shop from "./src/shop.ts";

const client = new Client(process.env.NODE_URL ?? "http://127.0.0.1:18545");
// The devnet's accounts are public: real keys come from `quorate keys new`.
const shown = execFileSync("npx", ["quorate", "devnet", "accounts", "--json"], { encoding: "utf8" });
const { accounts } = JSON.parse(shown) as { accounts: { name: string; secret: string }[] };
const secret = accounts.find((account) => account.name === "alice")?.secret ?? "";
const alice = Wallet.fromSeed(Buffer.from(secret.slice(2), "hex"));

const item = `0x${randomBytes(32).toString("hex")}` as const;
const order = { chain: await client.chain(), nonce: await client.nextNonce(alice.address), fee: 1n };
const tx = alice.call(shop.create, { item, label: "a house" }, order);
const sent = await client.send(tx, { wait: "final" });
console.log(`${item} was entered in block ${sent.blockHeight}`);

const answer = await client.call("state_query", { path: `shop/items/${item}`, prove: true });
const genesis = openGenesis(readFileSync(".devnet/genesis.json", "utf8"));
if (!genesis.ok) throw new Error(genesis.fault.detail);
console.log(verifyEntry({ answer, module: shop, state: "items", key: item, genesis: genesis.value }));
client.close();
