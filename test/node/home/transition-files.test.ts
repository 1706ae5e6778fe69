/** Goal: what an operator accepted is kept once it holds, one for an epoch, and a file that is wrong is named. */
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { computeGenesisHash } from "../../../src/chain/genesis/genesis-state.ts";
import { DEVNET, planNetwork, secretsFromSeed } from "../../../src/node/home/network-plan.ts";
import {
  acceptTransitions,
  keepTransitions,
  startUnder,
  writeTransitionFile,
} from "../../../src/node/home/transition-files.ts";

const { genesis } = planNetwork({ ...DEVNET, epochLength: 32 }, secretsFromSeed("transition files"));
const transition = (epoch: bigint, reason: string) => ({
  genesisHash: computeGenesisHash(genesis),
  epoch,
  height: 7n,
  parentHash: computeGenesisHash(genesis),
  signaturesNeeded: 1,
  reason,
  members: genesis.validators,
  signatures: [],
});

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "quorate-transitions-"));
});
afterEach(() => rmSync(dir, { recursive: true }));

const kept = () => readdirSync(join(dir, "transitions"));

test("one that was tried in vain is not kept, and one that is kept lets no other in for its epoch", () => {
  const [first, second] = [transition(1n, "first"), transition(1n, "second")];
  writeTransitionFile(join(dir, "first"), first);
  writeTransitionFile(join(dir, "second"), second);
  const read = acceptTransitions(dir, [join(dir, "first")], genesis);
  expect(read).toEqual({ ok: true, value: [first] });
  expect(readdirSync(dir)).not.toContain("transitions");
  // Nothing was kept, so the other may still come instead; both at once are a contradiction.
  expect(acceptTransitions(dir, [join(dir, "second")], genesis)).toEqual({ ok: true, value: [second] });
  keepTransitions(dir, [first]);
  expect(kept()).toHaveLength(1);
  const again = acceptTransitions(dir, [join(dir, "second")], genesis);
  expect(again.ok ? "" : `${again.fault.code} ${again.fault.detail}`).toMatch(
    /^second-transition .*second: it opens epoch 1 behind height 7, and this node has accepted 0x/,
  );
  expect(acceptTransitions(dir, [join(dir, "first")], genesis)).toEqual({ ok: true, value: [first] });
});

test("a break of trust is spoken of, and kept, once the start by it has succeeded", async () => {
  const said: string[] = [];
  const begin = (start: () => Promise<string>) =>
    startUnder([transition(1n, "first")], { dir, start, warn: (words) => void said.push(words) });
  await expect(begin(async () => Promise.reject(new Error("unsigned")))).rejects.toThrow("unsigned");
  expect([said, readdirSync(dir)]).toEqual([[], []]);
  expect(await begin(async () => "node")).toBe("node");
  expect(said).toEqual([expect.stringMatching(/^accepts a BREAK OF TRUST behind height 7: 0x/)]);
  expect(kept()).toHaveLength(1);
});

test("a file that is missing, no transition, or of another chain is refused by its name", () => {
  writeFileSync(join(dir, "bad"), "{}");
  writeTransitionFile(join(dir, "other"), {
    ...transition(1n, "x"),
    genesisHash: new Uint8Array(32) as never,
  });
  for (const [name, words] of [
    ["none", "not found"],
    ["bad", "kind"],
    ["other", "of the chain with genesis"],
  ] as const) {
    const read = acceptTransitions(dir, [join(dir, name)], genesis);
    expect(read.ok ? "" : read.fault.detail).toContain(join(dir, name));
    expect(read.ok ? "" : read.fault.detail).toContain(words);
  }
  const plain = planNetwork(DEVNET, secretsFromSeed("plain")).genesis;
  writeTransitionFile(join(dir, "good"), transition(1n, "x"));
  const read = acceptTransitions(dir, [join(dir, "good")], plain);
  expect(read.ok ? "" : read.fault.detail).toContain("never change");
});
