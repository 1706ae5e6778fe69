/** Goal: a vote waits for the newcomer that it is about, and for nothing else. Method: a node that is a function, no time passes. */
import { describe, expect, it } from "vitest";
import { asAddress, hex0x } from "../../../src/base/bytes.ts";
import type { GovCall } from "../../../src/chain/modules/gov-declaration.ts";
import { CliError, EXIT } from "../../../src/cli/exit.ts";
import { checkHarms, checkSender, printAdvice, sendForcedOnly } from "../../../src/cli/gov/gov-call.ts";
import type { Client } from "../../../src/sdk/client.ts";

const AWAY = "the newcomer node4 is not connected to this node";
const vote = { kind: "vote", proposal: 1n, approves: true, isForced: false } as const;

/** @param answers the last of which is given for ever */
function setUp(
  ...answers: readonly {
    readonly harms: readonly string[];
    readonly awaitsNewcomer: boolean;
    readonly notes?: readonly string[];
  }[]
) {
  let asked = 0;
  const said: string[] = [];
  const call = async () => ({ notes: [], ...answers[Math.min(asked++, answers.length - 1)] });
  const client = { call } as unknown as Pick<Client, "call">;
  const wait = { begun: (words: string) => void said.push(words), pause: async () => undefined };
  return { client, wait, said, asked: () => asked };
}

describe("a vote on a newcomer", () => {
  const away = { harms: [AWAY], awaitsNewcomer: true };

  it("waits until the newcomer is there, and says once for what", async () => {
    const { client, wait, said, asked } = setUp(away, away, { harms: [], awaitsNewcomer: false });
    expect(await checkHarms(client, vote, wait)).toEqual({ harms: [], notes: [] });
    expect([asked(), said]).toEqual([3, [AWAY]]);
  });

  it("is refused when the newcomer does not come", async () => {
    const { client, wait, said, asked } = setUp(away);
    await expect(checkHarms(client, vote, wait)).rejects.toThrow(`not sent: ${AWAY}`);
    expect([asked(), said]).toEqual([31, [AWAY]]);
  });

  it("is refused at once when something else speaks against it", async () => {
    const { client, wait, asked } = setUp({ harms: ["the chain would stand", AWAY], awaitsNewcomer: false });
    await expect(checkHarms(client, vote, wait)).rejects.toThrow("not sent: the chain would stand");
    expect(asked()).toBe(1);
  });

  it("waits for nothing when it is forced, or when its caller does not wait", async () => {
    const { client, wait, asked } = setUp(away);
    expect(await checkHarms(client, { ...vote, isForced: true }, wait)).toMatchObject({ harms: [AWAY] });
    await expect(checkHarms(client, vote)).rejects.toThrow("not sent");
    expect(asked()).toBe(2);
  });
});

it("what a node notes of a change is shown to its sender, and keeps nothing back", async () => {
  const note = "without node3 3 validators remain";
  const { client } = setUp({ harms: [], awaitsNewcomer: false, notes: [note] });
  const shown: string[] = [];
  const out = { warn: (text: string) => shown.push(`! ${text}`), note: (text: string) => shown.push(text) };
  printAdvice(out as never, await checkHarms(client, vote));
  printAdvice(out as never, { harms: [AWAY], notes: [] });
  expect(shown).toEqual([note, `! forced: ${AWAY}`]);
});

it("a call is sent as forced only where something speaks against it, at the node that was asked or at the one that takes it", async () => {
  const sendingTo = (refuses: string | undefined, harms: readonly string[], isForced: boolean) => {
    const tried: boolean[] = [];
    const send = async (call: { readonly isForced: boolean }) => {
      tried.push(call.isForced);
      if (!call.isForced && refuses !== undefined) throw new CliError(EXIT.refused, refuses, "no");
    };
    return sendForcedOnly({ ...vote, isForced }, { harms }, send).then(
      (done) => [...tried, done.isForced],
      (error: CliError) => [...tried, error.code],
    );
  };
  expect(await sendingTo(undefined, [], true)).toEqual([false, false]);
  expect(await sendingTo(undefined, [AWAY], true)).toEqual([true, true]);
  expect(await sendingTo("TX_HARMFUL", [], true)).toEqual([false, true, true]);
  expect(await sendingTo("TX_HARMFUL", [], false)).toEqual([false, "TX_HARMFUL"]);
  expect(await sendingTo("TX_NONCE_GAP", [], true)).toEqual([false, "TX_NONCE_GAP"]);
});

describe("the account of a proposal or a vote", () => {
  const address = (fill: number) => asAddress(new Uint8Array(32).fill(fill));
  const seat = (number: number) => ({
    ...{ name: `node${number}`, publicKey: "0x", account: hex0x(address(number)), peerId: "p" },
  });
  const roles = [{ account: hex0x(address(7)), roles: ["admin" as const] }];
  const membership = { members: [seat(1), seat(2)], nextMembers: [seat(1), seat(4)], lastHeight: 64, roles };
  const grant = { kind: "grant", account: address(9), role: "sender" } as const;
  const propose = { kind: "propose", change: grant, isForced: true, note: new Uint8Array(0) } as const;
  const refusal = (account: number, call: GovCall) => {
    try {
      return checkSender(membership, call, { label: "alice", address: address(account) });
    } catch (error) {
      return error;
    }
  };

  it("is a validator's of this epoch, or nothing is sent, forced or not", () => {
    expect(refusal(1, vote)).toBeUndefined();
    const found = refusal(9, { ...vote, isForced: true });
    expect(found).toMatchObject({ exitCode: 3, code: "GOV_NOT_A_VALIDATOR" });
    expect(String(found)).toContain(
      `not sent: the account of alice, ${hex0x(address(9))}, is no validator's: those of node1, node2 vote`,
    );
    expect(String(refusal(4, vote))).toContain("is node4's, whose seat begins above height 64");
  });

  it("may be an administrator's where it is about who may send", () => {
    expect(refusal(7, propose)).toBeUndefined();
    expect(String(refusal(7, { ...propose, change: { ...grant, role: "admin" } }))).toContain(
      "those of node1",
    );
    expect(String(refusal(9, propose))).toContain(
      `those of node1, node2 propose, and administrators, ${hex0x(address(7))}`,
    );
  });
});
