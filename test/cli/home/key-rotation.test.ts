/** How far a rotation is, by the home's keys and the chain's words, and what `quorate keys rotate` refuses. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { formatGenesis } from "../../../src/chain/genesis/genesis-file.ts";
import { deletableFrom, rotationStep } from "../../../src/cli/home/key-rotation.ts";
import { createHome } from "../../../src/node/home/home.ts";
import { keyOfSeed } from "../../../src/node/home/key-file.ts";
import { DEVNET, planNetwork, secretsFromSeed } from "../../../src/node/home/network-plan.ts";
import { json } from "../running.ts";

const member = (publicKey: string) => ({ name: publicKey, publicKey, account: "0xa", peerId: "p" });
const sets = (now: readonly string[], then: readonly string[]) => ({
  members: now.map(member),
  nextMembers: then.map(member),
  lastHeight: 64,
});
const proposal = (status: "open" | "rejected", newKey: string) => ({
  ...{ id: 7, status, approve: 1, needed: 3, expires: 90 },
  change: { change: "replace", publicKey: "old", newKey },
});

it("the commands read each step of a rotation from the keys and the chain", () => {
  const waiting = { own: "old", next: "new" };
  const steady = sets(["old"], ["old"]);
  expect(rotationStep({ own: "old", next: undefined }, steady, [])).toEqual({ step: "none" });
  expect(rotationStep(waiting, steady, [])).toEqual({ step: "made" });
  expect(rotationStep(waiting, steady, [proposal("open", "other")])).toEqual({ step: "made" });
  expect(rotationStep(waiting, steady, [proposal("rejected", "new")])).toEqual({ step: "made" });
  expect(rotationStep(waiting, steady, [proposal("rejected", "new"), proposal("open", "new")])).toEqual({
    ...{ step: "proposed", proposal: 7, approve: 1, needed: 3, expires: 90 },
  });
  expect(rotationStep(waiting, sets(["old"], ["new"]), [])).toEqual({ step: "approved", lastHeight: 64 });
  expect(rotationStep(waiting, sets(["new"], ["new"]), [])).toEqual({ step: "in-force" });
  expect(rotationStep(waiting, sets(["old"], ["else"]), [])).toEqual({ step: "leaving" });
  expect(rotationStep(waiting, sets(["else"], ["else"]), [])).toEqual({ step: "no-seat" });
});

it("a rotation of keys lets an old key be deleted two checkpoints behind its last epoch, and never while it has a seat", () => {
  const epochs = [
    { lastHeight: 32, validators: [member("a"), member("b")] },
    { lastHeight: 64, validators: [member("a"), member("c")] },
    { lastHeight: null, validators: [member("c"), member("d")] },
  ];
  expect(deletableFrom("b", epochs, 16)).toBe(64n);
  expect(deletableFrom("a", epochs, 16)).toBe(96n);
  expect(deletableFrom("d", epochs, 16)).toBeUndefined();
  expect(deletableFrom("z", epochs, 16)).toBe(0n);
});

it("a rotation of keys refuses a chain whose validators never change, and a key that is at a signer, before it makes anything", async () => {
  const dir = mkdtempSync(join(tmpdir(), "quorate-rotate-"));
  try {
    const make = (name: string, epochLength: number | undefined, configText: string) => {
      const plan = planNetwork({ ...DEVNET, validators: 1, epochLength }, secretsFromSeed("rotate"));
      const keys = [1, 2].map((byte) => keyOfSeed(new Uint8Array(32).fill(byte)));
      const home = join(dir, name);
      createHome(home, {
        ...{ configText, genesisJson: formatGenesis(plan.genesis), peers: [] },
        nodeKey: keys[0] as never,
        validatorKey: keys[1],
      });
      return home;
    };
    const fixed = await json("keys", "rotate", "--dir", make("fixed", undefined, ""));
    expect(fixed).toMatchObject({ code: 2, value: { error: { code: "FIXED_VALIDATORS" } } });
    expect(fixed.value.error.message).toContain("consensus.epochLength");
    const signer = '[signer]\nurl = "tls://127.0.0.1:1"\n';
    const elsewhere = await json("keys", "rotate", "--dir", make("elsewhere", 32, signer));
    expect(elsewhere).toMatchObject({
      code: 2,
      value: { error: { message: expect.stringContaining("signer") } },
    });
    const away = await json("keys", "rotate", "--dir", make("away", 32, "[rpc]\nport = 1\n"));
    expect(away).toMatchObject({ code: 4, value: { error: { code: "UNREACHABLE" } } });
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});
