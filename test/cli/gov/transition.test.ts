/** Goal: whoever looks at a transition file learns whether its signatures hold, with or without a node. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { computeGenesisHash } from "../../../src/chain/genesis/genesis-state.ts";
import { transitionId, transitionSigningBytes } from "../../../src/chain/types/transition.ts";
import { createSigner } from "../../../src/crypto/keys.ts";
import { DEVNET, planNetwork, secretsFromSeed } from "../../../src/node/home/network-plan.ts";
import { writeTransitionFile } from "../../../src/node/home/transition-files.ts";
import { json, quorate } from "../running.ts";

const dir = mkdtempSync(join(tmpdir(), "quorate-transition-"));
afterAll(() => rmSync(dir, { recursive: true }));
const file = join(dir, "t.json");
/** Nothing listens there. */
const nowhere = ["--rpc", "http://127.0.0.1:9"];

const { genesis } = planNetwork({ ...DEVNET, epochLength: 32 }, secretsFromSeed("transition"));
const operator = createSigner(new Uint8Array(32).fill(7));
const stays = { ...genesis.validators[0]!, account: operator.publicKey };
const unsigned = {
  genesisHash: computeGenesisHash(genesis),
  epoch: 1n,
  height: 7n,
  parentHash: computeGenesisHash(genesis),
  signaturesNeeded: 1,
  reason: "burnt",
  members: [stays],
};
const signature = operator.sign(transitionSigningBytes(transitionId(unsigned)));
const signed = { ...unsigned, signatures: [{ account: operator.publicKey, signature }] };

test("show says of a signed file without a node what is not known, and that its signatures hold", async () => {
  writeTransitionFile(file, signed);
  const { code, stdout } = await quorate("transition", "show", file, ...nowhere);
  expect(code).toBe(0);
  expect(stdout).toContain("not known: no node answered at http://127.0.0.1:9");
  expect(stdout).toContain("who is missing");
  expect(stdout).not.toContain("does not hold");
  expect(stdout).toContain("signatures  1 of 1 needed");
});

test("show names a signature that does not hold, and ends with 1, also without a node", async () => {
  writeTransitionFile(file, { ...signed, reason: "changed" });
  const { code, stdout } = await quorate("transition", "show", file, ...nowhere);
  expect(code).toBe(1);
  expect(stdout).toContain(`the signature of ${stays.name} does not hold`);
  expect(stdout).toContain("signatures  0 of 1 needed");
  const { value } = await json("transition", "show", file, ...nowhere);
  expect(value).toMatchObject({ isComplete: null, fault: expect.stringContaining("does not hold") });
});
