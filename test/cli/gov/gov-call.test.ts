/** Goal: a vote waits for the newcomer that it is about, and for nothing else. Method: a node that is a function, no time passes. */
import { describe, expect, it } from "vitest";
import { checkHarms, printAdvice } from "../../../src/cli/gov/gov-call.ts";
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
