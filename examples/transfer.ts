/**
 * A client in thirty lines: send money, wait until it is final, read it back, and check the proof without trusting
 * the node. Start a devnet first (npm start), then: npx tsx examples/transfer.ts
 */
import { readFileSync } from "node:fs";
import { Client, Wallet } from "quorate/client";

const { seed, to } = readAccounts();
const client = new Client("http://127.0.0.1:18545");
const wallet = Wallet.fromSeed(seed);

const chain = await client.chain();
const nonce = await client.nextNonce(wallet.addressHex);
const transaction = wallet.transfer({ chain, nonce, to, amount: 5n, memo: "lunch" });

const sent = await client.send(transaction, { wait: "final" });
console.log(`final in block ${sent.blockHeight}: ${sent.txHash}`);

const account = await client.account(to);
console.log(`${to} has ${account.balance} at height ${account.height}`);
client.close();

/** The devnet's accounts are public: alice pays bob. */
function readAccounts(): { seed: Uint8Array; to: string } {
  const { accounts } = JSON.parse(readFileSync(".devnet/accounts.json", "utf8"));
  return { seed: Buffer.from(accounts[0].seed.slice(2), "hex"), to: accounts[1].address };
}
