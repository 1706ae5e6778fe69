/**
 * Three real miners, as a user starts them: they agree on one tip, pay each other in coins that add up, and after a
 * partition one side gives its branch up without losing a payment.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { hex0x } from "../../../src/base/bytes.ts";
import { MINED_DEVNET, planMinedNetwork, secretsFromSeed } from "../../../src/node/home/network-plan.ts";
import { Client } from "../../../src/sdk/client.ts";
import { Devnet, until } from "../processes.ts";
import { demonstration, Reader } from "../readme.ts";

const ALL = [0, 1, 2];
const plan = planMinedNetwork(MINED_DEVNET, secretsFromSeed("dev"));
const SUBSIDY = MINED_DEVNET.consensus.subsidy;
let devnet: Devnet;
let reader: Reader;

const statusOf = (node: number) =>
  devnet.rpc<{ height: number; headHash: string; mempool: number }>(node, "node_status");
const accountOf = (node: number, address: string) =>
  devnet.rpc<{ balance: string; height: number; maturing?: { sum: string } }>(node, "account_get", {
    address,
  });

/** The tip that all nodes are on. */
async function commonTip() {
  const [first, ...others] = await Promise.all(ALL.map(statusOf));
  return others.every(({ headHash }) => headHash === first!.headHash) && first;
}

async function pay(node: number, from: string, to: string, amount: bigint): Promise<string> {
  const payer = devnet.wallet(from);
  const client = new Client(devnet.rpcUrl(node));
  const [chain, nonce] = await Promise.all([client.chain(), client.nextNonce(payer.address)]);
  const order = { chain, nonce, to: devnet.wallet(to).address, amount };
  const { txHash } = await client.send(payer.transfer(order), { wait: "included", timeoutMs: 40_000 });
  return txHash;
}

/** Until an account holds so much on every node. */
function everywhere(name: string, balance: bigint): Promise<boolean> {
  const { addressHex } = devnet.wallet(name);
  return until(async () => {
    const accounts = await Promise.all(ALL.map((node) => accountOf(node, addressHex)));
    return accounts.every((account) => account.balance === String(balance));
  }, `${name} holds ${balance} on all nodes`);
}

describe("three miners", () => {
  beforeAll(async () => {
    const options = ["--consensus", "pow", "--block-time", "1s", "--hash-limit", "250000"];
    devnet = await Devnet.start(ALL.length, options);
    reader = new Reader(devnet);
  }, 150_000);
  afterAll(async () => {
    reader?.remove();
    await devnet?.remove();
  });

  it("come to one tip, on which a payment is the same for all", async () => {
    await pay(0, "alice", "bob", 5n);
    await everywhere("bob", MINED_DEVNET.balance + 5n);
    await everywhere("alice", MINED_DEVNET.balance - 5n);
    await until(commonTip, "one tip");
  });

  it("hold together what genesis gave and the blocks minted", async () => {
    const addresses = [
      ...plan.accounts.map(({ address }) => address),
      ...plan.miners.map((m) => m.publicKey),
    ];
    const { accounts, height } = await until(async () => {
      const found = await Promise.all(addresses.map((address) => accountOf(0, hex0x(address))));
      const { height: at } = found[0]!;
      return found.every((account) => account.height === at) && { accounts: found, height: at };
    }, "all balances at one height");
    const held = accounts.reduce((sum, { balance }) => sum + BigInt(balance), 0n);
    const maturing = accounts.reduce((sum, account) => sum + BigInt(account.maturing?.sum ?? 0), 0n);
    const given = BigInt(MINED_DEVNET.accounts) * MINED_DEVNET.balance;
    expect(held + maturing).toBe(given + BigInt(height) * SUBSIDY);
  });

  it("give up the lighter branch after a partition, and mine its payment again", {
    timeout: 120_000,
  }, async () => {
    // As README.md shows it.
    const lines = demonstration("chain reorgs").filter((line) => !line.startsWith("npm start"));
    const heal = lines.findIndex((line) => line.includes("devnet heal"));
    for (const line of lines.slice(0, heal)) expect([line, (await reader.run(line)).code]).toEqual([line, 0]);
    const hash = await pay(2, "carol", "dave", 7n);
    await devnet.rpc(2, "miner_stop");
    const { height } = await statusOf(2);
    await until(async () => (await statusOf(0)).height > height + 1, "the other side is ahead");
    expect(await devnet.rpc(0, "tx_get", { hash })).toBeNull();

    expect(await reader.run(lines[heal]!)).toMatchObject({ code: 0 });
    await until(commonTip, "one tip again");
    for (const line of lines.slice(heal + 1)) {
      expect(await reader.run(line)).toMatchObject({
        code: 0,
        stdout: expect.stringMatching(/^ +node2 .*…/m),
      });
    }
    const [reorg] = await devnet.rpc<{ depth: number; dropped: number }[]>(2, "chain_getReorgs");
    expect(reorg!.depth).toBeGreaterThanOrEqual(1);
    await everywhere("dave", MINED_DEVNET.balance + 7n);
    await everywhere("carol", MINED_DEVNET.balance - 7n);
    for (const node of ALL) {
      expect(["included", "final"]).toContain(
        (await devnet.rpc<{ status: string }>(node, "tx_get", { hash })).status,
      );
    }
  });
});
