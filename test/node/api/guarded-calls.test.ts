/** Goal: what a member's operator sends by RPC and would harm the chain is refused with the guard's words, unless it is forced. */
import { afterEach, expect, it } from "vitest";
import { gov } from "../../../src/chain/modules/gov.ts";
import type { GovCall } from "../../../src/chain/modules/gov-declaration.ts";
import { signTransaction } from "../../../src/chain/types/transaction.ts";
import { harmOf } from "../../../src/node/api/guarded-calls.ts";
import { EpochNet } from "../../../src/tools/sim/epochs/epoch-net.ts";

let net: EpochNet;
afterEach(() => net.cluster.stop());

it("the guard refuses a member's harmful proposal that a user sends, and neither a forced one nor what the chain has or judges itself", async () => {
  net = new EpochNet({ seed: 5, nodes: 5, members: 4, signatures: "ideal" });
  net.start();
  await net.until(() => net.height(0) >= 2n, 60_000);
  const sign = (by: number, call: GovCall, nonce = 0n) => {
    const { genesisHash, genesis } = net.world;
    const { chainId } = genesis;
    const fields = { chainId, nonce, fee: 0n, validUntilHeight: 0n, module: gov.id };
    return signTransaction({ ...fields, payload: gov.encodeCall(call) }, net.signer(by), genesisHash).bytes;
  };
  const propose = (change: Extract<GovCall, { kind: "propose" }>["change"], isForced = false): GovCall => ({
    ...{ kind: "propose", change, isForced, note: new Uint8Array(0) },
  });
  const fault = (bytes: Uint8Array) => harmOf(bytes, net.first);
  const unknown = { kind: "rules", version: 2 } as const;
  expect(fault(sign(0, propose(unknown)))).toMatchObject({
    code: "TX_HARMFUL",
    detail: expect.stringMatching(/knows rules 1 to 1.*Not sent/),
  });
  expect(fault(sign(0, propose(unknown, true)))).toBeUndefined();
  expect(fault(sign(4, propose(unknown)))).toBeUndefined();
  expect(fault(sign(0, propose({ kind: "set", parameter: "epochLength", value: 32 })))).toBeUndefined();
  expect(fault(net.world.transfer(0, 1, 1n, 0n).bytes)).toBeUndefined();
  expect(fault(sign(0, propose(unknown)).subarray(0, 90))).toBeUndefined();

  net.send(0, propose({ kind: "set", parameter: "epochLength", value: 32 }));
  expect(await net.until(() => net.openProposals.length === 1, 60_000)).toBe(true);
  expect(fault(sign(0, propose(unknown)))).toBeUndefined();
  expect(fault(sign(0, propose(unknown), 1n))).toMatchObject({ code: "TX_HARMFUL" });
});
