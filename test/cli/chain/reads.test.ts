/** `quorate account`, `block` and `tx show` with `--level`, and `quorate read`, against nodes in this process, one of which lies. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { hex0x } from "../../../src/base/bytes.ts";
import { METHOD_TABLE } from "../../../src/rpc/methods/method-table.ts";
import { alice, bob, chainRef, genesis, genesisText } from "../../rpc/fake-node.ts";
import { serve } from "../../rpc/serve.ts";
import { quorate } from "../running.ts";

let dir: string;
let file: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "quorate-reads-"));
  file = join(dir, "trusted.json");
  writeFileSync(file, genesisText);
});
afterAll(() => rmSync(dir, { recursive: true }));

type Lie = readonly [method: string, (answer: Record<string, unknown>) => object];
const ANOTHER_BALANCE: Lie = [
  "state_query",
  (answer) => ({ ...answer, value: `0x${"00".repeat(7)}ff${"00".repeat(8)}` }),
];

async function served(index: number, lie?: Lie) {
  const methods = new Map(METHOD_TABLE);
  if (lie !== undefined) {
    const [name, answer] = lie;
    const own = methods.get(name)!;
    const call: typeof own.call = async (context, params) =>
      answer((await own.call(context, params)) as Record<string, unknown>);
    methods.set(name, { ...own, call });
  }
  const { node, url } = await serve({}, { methods });
  node.peerId = genesis.validators[index]!.peerId;
  return { node, url };
}

/** @param lies shows another balance */
async function node(index: number, lies = false): Promise<string> {
  return (await served(index, lies ? ANOTHER_BALANCE : undefined)).url;
}

/** Has a block in which alice pays bob. */
async function paid(index: number, lie?: Lie): Promise<{ readonly url: string; readonly id: string }> {
  const { node: own, url } = await served(index, lie);
  const transaction = alice.transfer({ chain: chainRef, to: bob.address, amount: 5n, nonce: 0 });
  own.pooled.push(transaction);
  await own.commit();
  return { url, id: hex0x(transaction.id) };
}

const place = () => ["--dir", dir, "--devnet", join(dir, "none"), "--genesis", file];
const account = (urls: readonly string[], ...more: readonly string[]) =>
  quorate("account", bob.addressHex, "--rpc", urls.join(","), ...place(), ...more);

test("an account at a level says what was checked, and names a node that lies", async () => {
  const [honest, liar] = [await node(0), await node(1, true)];
  const { code, stdout } = await account([liar, honest], "--level", "proven");
  expect(code).toBe(0);
  expect(stdout).toMatch(/balance 500 {2}nonce 0/);
  expect(stdout).toMatch(/checked +validators, certificate, value\n.*unchecked +freshness/s);
  expect(stdout).toContain(`NOT BELIEVED  ${liar}`);
  const { stdout: json } = await account([liar, honest], "--level", "proven", "--json");
  expect(JSON.parse(json)).toMatchObject({
    value: { balance: "500" },
    nodes: [honest],
    disbelieved: [{ node: liar }],
  });
  const { stdout: word } = await account([liar], "--level", "one", "--json");
  expect(JSON.parse(word)).toMatchObject({ value: { balance: "255" }, level: "one", checked: [] });
});

test("no answer of the level is an error with who said what", async () => {
  const [honest, liar] = [await node(0), await node(1, true)];
  const alone = await account([liar], "--level", "proven", "--timeout", "500");
  expect(alone.code).toBe(1);
  expect(alone.stderr).toMatch(/no node proved its answer/);
  expect(alone.stderr).toContain(`not believed: ${liar}`);
  const two = await account([honest, liar], "--level", "agreed", "--timeout", "500");
  expect(two.code).toBe(5);
  expect(two.stderr).toMatch(/1 of 2 equal answers at one height/);
  for (const [url, balance] of [
    [honest, 500],
    [liar, 255],
  ]) {
    expect(two.stderr).toMatch(new RegExp(`${url}: height 0, .*"balance":"${balance}"`));
  }
  const few = await account([honest, liar], "--level", "latest");
  expect(few.code).toBe(2);
  expect(few.stderr).toContain("answers of 3 of 4 validators, 2 URLs given");
});

test("any path of the state is read, and a word that is none is refused", async () => {
  const url = await node(0);
  const path = `anchor/0x${"ab".repeat(32)}`;
  const { code, stdout } = await quorate("read", path, "--rpc", url, ...place());
  expect([code, stdout.split("\n")[0]]).toEqual([0, `${path}  nothing`]);
  expect(stdout).toMatch(/level +proven/);
  const wrong = await quorate("read", "banks/all", "--rpc", url, ...place());
  expect([wrong.code, wrong.stderr]).toEqual([2, expect.stringMatching(/expected account\/<address>/)]);
});

test("a block and a transaction at a level are decoded here, and a node that lies is named", async () => {
  const honest = await paid(0);
  const noTransactions = await paid(1, ["chain_getBlock", (block) => ({ ...block, txs: [] })]);
  const block = await quorate(
    ...["block", "1", "--rpc", `${noTransactions.url},${honest.url}`, "--level", "proven", ...place()],
  );
  expect(block.code).toBe(0);
  expect(block.stdout).toMatch(new RegExp(`^block +1 .*txs +1\\n +${honest.id}`, "s"));
  expect(block.stdout).toMatch(/checked +validators, certificate, value\nunchecked +nothing/);
  expect(block.stdout).toContain(`NOT BELIEVED  ${noTransactions.url}`);

  const otherReceipt = await paid(2, ["tx_getProof", (proof) => ({ ...proof, receipt: proof.tx })]);
  const show = (urls: readonly string[], ...more: readonly string[]) =>
    quorate("tx", "show", honest.id, "--rpc", urls.join(","), ...place(), ...more);
  const proven = await show([otherReceipt.url, honest.url], "--level", "proven", "--json");
  expect(JSON.parse(proven.stdout)).toMatchObject({
    value: { height: 1, index: 0, transaction: { txHash: honest.id }, outcome: { status: "success" } },
    checked: ["validators", "certificate", "value"],
    disbelieved: [{ node: otherReceipt.url }],
  });
  const shown = await show([honest.url], "--level", "one");
  expect(shown.stdout).toMatch(/in a block {3}block 1 {3}index 0.*result +success.*level +one/s);
});

test("there is no latest of what does not change, and no proof of a transaction that no node knows", async () => {
  const url = await node(0);
  const id = `0x${"ab".repeat(32)}`;
  const latest = await quorate("block", "0", "--rpc", url, "--level", "latest", ...place());
  expect([latest.code, latest.stderr]).toEqual([2, expect.stringContaining('"proven" is as much')]);
  const unknown = await quorate("tx", "show", id, "--rpc", url, "--level", "proven", ...place());
  expect(unknown.code).toBe(5);
  const wrong = await quorate("tx", "show", "0xab", "--rpc", url, "--level", "proven", ...place());
  expect([wrong.code, wrong.stderr]).toEqual([
    2,
    expect.stringContaining("expected the id of a transaction"),
  ]);
});
