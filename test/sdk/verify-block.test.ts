/** Blocks, transactions and state as a node shows them: the true ones hold, and nothing that a liar changes does. */
import { expect, it } from "vitest";
import { hex0x, parseHex } from "../../src/base/bytes.ts";
import { accountKey } from "../../src/chain/state/state-keys.ts";
import { Client } from "../../src/sdk/client.ts";
import { openGenesis } from "../../src/sdk/trusted-genesis.ts";
import { verifyBody, verifyHead, verifyState, verifyTransaction } from "../../src/sdk/verify-block.ts";
import { alice, bob, chainRef, genesisText } from "../rpc/fake-node.ts";
import { serve } from "../rpc/serve.ts";

const opened = openGenesis(genesisText);
const trusted = opened.ok ? opened.value : undefined;

async function shown() {
  const { node, url } = await serve();
  const client = new Client(url);
  for (const nonce of [0, 1, 2])
    node.submit(alice.transfer({ chain: chainRef, nonce, to: bob.address, amount: 1n }).bytes);
  const { block } = await node.commit();
  const head = (await client.call("chain_getFinalityProof", { block: 1 }))!;
  const full = (await client.call("chain_getBlock", { block: 1, full: true }))!;
  const raw = full.txs!.map((tx) => (typeof tx === "string" ? tx : tx.raw));
  const id = block.transactions[1]!.id;
  const inclusion = (await client.call("tx_getProof", { hash: hex0x(id) }))!;
  const state = await client.call("state_query", { path: `account/${alice.addressHex}`, prove: true });
  const zero = (await client.call("chain_getFinalityProof", { block: 0 }))!;
  return { head, raw, id, inclusion, state, zero };
}

/** The hex with its byte `at` (from the end where negative) changed. */
function flip(hex: string, at: number): string {
  const bytes = parseHex(hex)!;
  const i = at < 0 ? bytes.length + at : at;
  bytes[i] = (bytes[i] ?? 0) ^ 1;
  return hex0x(bytes);
}

it("the verifier holds what a true node shows to the genesis, and nothing that was changed", async () => {
  const { head, raw, id, inclusion, state, zero } = await shown();
  const verified = verifyHead(head, trusted!);
  if (!verified.ok) throw new Error(verified.fault.detail);
  expect(verified.value).toMatchObject({
    by: "certificate",
    words: expect.stringContaining("3 make a quorum"),
  });
  expect(verifyHead(zero, trusted!)).toMatchObject({ ok: true, value: { by: "genesis" } });
  const at = verified.value.head;
  expect(verifyBody(at, raw)).toMatchObject({ ok: true });
  expect(verifyTransaction(at, inclusion, id)).toMatchObject({ ok: true, value: { index: 1 } });
  const key = accountKey(alice.address);
  expect(verifyState(at, key, state.value, state.proof!)).toMatchObject({ ok: true });

  const lies = [
    verifyHead({ ...head, header: flip(head.header, 70) }, trusted!),
    verifyHead({ ...head, summary: flip(head.summary, 20) }, trusted!),
    verifyHead({ ...head, seal: flip(head.seal, -1) }, trusted!),
    verifyHead({ ...head, seal: "0x" }, trusted!),
    verifyHead({ ...head, header: "zz" }, trusted!),
    verifyHead({ ...zero, header: flip(zero.header, 70) }, trusted!),
    verifyBody(at, raw.slice(1)),
    verifyBody(at, [raw[1]!, raw[0]!, raw[2]!]),
    verifyBody(at, [raw[0]!, raw[1]!, flip(raw[2]!, -1)]),
    verifyTransaction(at, { ...inclusion, tx: raw[0]! }, id),
    verifyTransaction(at, { ...inclusion, receipt: flip(inclusion.receipt, -1) }, id),
    verifyTransaction(at, { ...inclusion, txPath: { ...inclusion.txPath, index: 0 } }, id),
    verifyTransaction(at, { ...inclusion, txPath: { ...inclusion.txPath, siblings: ["x"] } }, id),
    verifyState(at, key, flip(state.value!, -1), state.proof!),
    verifyState(at, key, null, state.proof!),
    verifyState(at, accountKey(bob.address), state.value, state.proof!),
  ];
  expect(lies.map(({ ok }) => ok)).toEqual(lies.map(() => false));
});
