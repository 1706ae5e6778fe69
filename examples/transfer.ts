/**
 * A client in thirty lines: send money, wait until it is final, read it back.
 *
 *   npm start                              # a devnet, in another terminal
 *   npx quorate devnet accounts            # alice's secret, bob's address
 *   npx tsx examples/transfer.ts SECRET ADDRESS
 */
import { Client, RpcError, Wallet } from "quorate/client";

const [secret, to] = process.argv.slice(2);
if (secret === undefined || to === undefined) {
  console.error("usage: npx tsx examples/transfer.ts SECRET ADDRESS [URL]");
  process.exit(2);
}

const client = new Client(process.argv[4] ?? "http://127.0.0.1:18545");
const wallet = Wallet.fromSeed(Buffer.from(secret.replace(/^0x/, ""), "hex"));

try {
  const chain = await client.chain();
  const nonce = await client.nextNonce(wallet.address);
  const transaction = wallet.transfer({ chain, nonce, to, amount: 5n, memo: "lunch" });
  const sent = await client.send(transaction, { wait: "final" });
  console.log(`final in block ${sent.blockHeight}: ${sent.txHash}`);
  const { balance, height } = await client.account(to);
  console.log(`${to} has ${balance} at height ${height}`);
} catch (error) {
  if (!(error instanceof RpcError)) throw error;
  console.error(`refused: ${error.message}`);
  process.exitCode = 3;
} finally {
  client.close();
}
