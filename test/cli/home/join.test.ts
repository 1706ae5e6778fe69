/** Goal: whoever joins is told what is wrong with an invitation or its node, and nothing is written then. */
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { asHash } from "../../../src/base/bytes.ts";
import { formatGenesis } from "../../../src/chain/genesis/genesis-file.ts";
import { computeGenesisHash } from "../../../src/chain/genesis/genesis-state.ts";
import { JOIN_SNAPSHOT_ABOVE, joinAboveFor } from "../../../src/cli/home/join-start.ts";
import { createSigner } from "../../../src/crypto/keys.ts";
import { encodeInvitation } from "../../../src/node/home/invitation.ts";
import { DEVNET, planNetwork, secretsFromSeed } from "../../../src/node/home/network-plan.ts";
import { json } from "../running.ts";
import { answering } from "./answering-node.ts";

const dir = mkdtempSync(join(tmpdir(), "quorate-join-"));
afterAll(() => rmSync(dir, { recursive: true }));
const home = join(dir, "home");

const { genesis } = planNetwork(DEVNET, secretsFromSeed("join"));
const genesisHash = computeGenesisHash(genesis);
const signer = createSigner(new Uint8Array(32).fill(3));
const invitation = (url: string, over: object = {}) =>
  encodeInvitation(
    {
      genesisHash,
      expiresAtMs: Date.now() + 60_000,
      serial: new Uint8Array(16),
      urls: [url],
      addresses: [],
      ...over,
    },
    signer,
  );

test("a newcomer begins with a snapshot where the chain is long or its first blocks are pruned, else with all blocks", () => {
  expect(joinAboveFor({ height: 9_999, lowestBody: 1 })).toBe(0);
  expect(joinAboveFor({ height: JOIN_SNAPSHOT_ABOVE, lowestBody: 1 })).toBe(JOIN_SNAPSHOT_ABOVE);
  expect(joinAboveFor({ height: 600, lowestBody: 560 })).toBe(1);
  expect(joinAboveFor(undefined)).toBe(0);
  const pruned = { height: 600, lowestBody: 560 };
  expect(["0", "500", "x"].map((asked) => joinAboveFor(pruned, asked))).toEqual([0, 500, 0]);
});

test("join says what is wrong with the text, the time, the answer or the node, and writes nothing", async () => {
  const errorOf = async (text: string) => {
    const { code, value } = await json("join", text, "--dir", home);
    expect(existsSync(home)).toBe(false);
    return [code, value.error.code, value.error.message];
  };
  const url = "http://127.0.0.1:9";
  expect(await errorOf("hello")).toEqual([2, "BAD_INPUT", expect.stringContaining("begins with")]);
  expect(await errorOf(invitation(url).slice(0, -5))).toEqual([
    2,
    "BAD_INPUT",
    expect.stringContaining("changed"),
  ]);
  expect(await errorOf(invitation(url, { expiresAtMs: 1 }))).toEqual([
    2,
    "INVITATION_EXPIRED",
    expect.stringContaining("1970"),
  ]);
  expect(await errorOf(invitation(url))).toEqual([4, "UNREACHABLE", expect.stringContaining(url)]);
  const answer = { genesisHash: "0x00", genesis: JSON.parse(formatGenesis(genesis)) };
  await answering({ chain_getGenesis: answer }, async (at) => {
    const other = invitation(at, { genesisHash: asHash(new Uint8Array(32).fill(9)) });
    expect(await errorOf(other)).toEqual([
      3,
      "WRONG_GENESIS",
      expect.stringContaining("nothing was written"),
    ]);
    expect((await errorOf(invitation(at))).slice(0, 2)).toEqual([3, "INVITATION_USED"]);
  });
  await answering({ chain_getGenesis: { genesis: { format: 7 } } }, async (at) => {
    expect((await errorOf(invitation(at))).slice(0, 2)).toEqual([3, "BAD_GENESIS"]);
  });
}, 20_000);
