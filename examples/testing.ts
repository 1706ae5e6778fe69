/**
 * Tests of a program that pays, against a chain in the same process: no ports, no waiting. Any test framework will
 * do; this is Node's own.
 *
 *   npx tsx --test examples/testing.ts
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Client, Sender, type Wallet } from "quorate/client";
import { devnet } from "quorate/testing";

/** The program under test: it knows a client and a wallet, and nothing of the devnet. */
async function payAll(client: Client, wallet: Wallet, bills: readonly { to: string; amount: bigint }[]) {
  const sender = new Sender(client, wallet);
  return Promise.all(bills.map((bill) => sender.transfer(bill, { wait: "final" })));
}

test("pays every bill, also when the primary dies", async () => {
  const net = await devnet({ validators: 4 });
  const client = new Client(net.urls, { fetch: net.fetch, genesis: net.genesis });
  const bob = net.account("bob").address;
  net.crash(0);
  const paid = await payAll(client, net.account("alice").wallet, [
    { to: bob, amount: 5n },
    { to: bob, amount: 7n },
  ]);
  assert.deepEqual(
    paid.map(({ finality }) => finality?.by),
    ["certificate", "certificate"],
  );
  assert.equal(net.balance("bob"), 1_000_012n);
  await net.stop();
});

test("a payment on a mined chain is undone by a heavier branch, and mined again", async () => {
  const net = await devnet({ consensus: "pow", nodes: 2 });
  net.partition([[0], [1]]);
  const id = net.transfer({ from: "alice", to: "bob", amount: 5n, node: 0 });
  await net.mine(1, { node: 0 });
  await net.mine(2, { node: 1 });
  net.heal();
  await net.synced();
  assert.equal(net.reorgs.length, 1);
  assert.equal(await net.included(id), undefined);
  await net.mine(1, { node: 0 });
  assert.equal((await net.included(id))?.height, 3);
  await net.stop();
});

test("a program in any language asks a node at a real port", async () => {
  const net = await devnet();
  const url = await net.serve();
  const head = (await (await fetch(`${url}/chain_getHead`)).json()) as { result: { height: number } };
  assert.equal(head.result.height, 0);
  await net.stop();
});
