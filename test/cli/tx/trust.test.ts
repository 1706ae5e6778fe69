/** Goal: a command believes what its user trusts, and a foreign genesis serves nobody. Method: files in a folder. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { showHash } from "../../../src/base/bytes.ts";
import { formatGenesis } from "../../../src/chain/genesis/genesis-file.ts";
import { describeFinality, trustOf } from "../../../src/cli/tx/trust.ts";
import { genesisHash, genesisText, genesis as theirs } from "../../rpc/fake-node.ts";

let root: string;
const hash = showHash(genesisHash);
const stranger = formatGenesis({ ...theirs, chainId: 5n });

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "quorate-trust-"));
});
afterEach(() => rmSync(root, { recursive: true }));

function folder(name: string, text: string): string {
  const dir = join(root, name);
  mkdirSync(dir);
  writeFileSync(join(dir, "genesis.json"), text);
  return dir;
}

test("a genesis that was named is trusted, and must be the node's", () => {
  const genesis = join(folder("a", genesisText), "genesis.json");
  const other = join(folder("b", stranger), "genesis.json");
  expect(trustOf({ genesis, faults: 2 }, hash)).toMatchObject({ genesis: { genesisHash }, faults: 2 });
  expect(trustOf({ genesis: other }, undefined).genesis).toBeDefined();
  expect(() => trustOf({ genesis: other }, hash)).toThrow("the node is of the chain with genesis");
});

test("without one, the devnet's or the node's own serves if it is of that chain", () => {
  const [right, wrong] = [folder("right", genesisText), folder("wrong", stranger)];
  expect(trustOf({ devnet: wrong, dir: right }, hash)).toMatchObject({ genesis: { genesisHash } });
  expect(trustOf({ devnet: wrong, dir: join(root, "none") }, hash)).toEqual({});
  expect(trustOf({}, hash)).toEqual({});
  // Who asks for answers gets answers.
  expect(trustOf({ devnet: right, faults: 1 }, hash)).toEqual({ faults: 1 });
});

test.each([
  [{ by: "certificate", nodes: ["u"], signers: ["node0", "node2"] } as const, "signed by node0, node2"],
  [{ by: "answers", nodes: ["u", "v"] } as const, "2 equal answers: u, v"],
  [{ by: "node", nodes: ["u"] } as const, "the word of u alone"],
])("%j is said in words", (finality, words) => {
  expect(describeFinality(finality)).toContain(words);
});
