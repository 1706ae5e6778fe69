/** A whole node in this process, on a home of its own: what it does when it cannot go on. */
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { formatGenesis } from "../../src/chain/genesisfile.ts";
import { loadConfig } from "../../src/node/config.ts";
import { createHome, homePaths, openHome } from "../../src/node/home.ts";
import { keyOfSeed } from "../../src/node/keyfile.ts";
import { DEVNET, planNetwork, secretsFromSeed } from "../../src/node/networkplan.ts";
import { type NodeOptions, startNode } from "../../src/node/node.ts";
import { openJournalFile } from "../../src/storage/journalfile.ts";

let dir: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "quorate-node-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

/** The home of the only validator of its network, on free ports. */
function soleValidator(): NodeOptions {
  const plan = planNetwork({ ...DEVNET, validators: 1 }, secretsFromSeed("node test"));
  const [validator] = plan.validators;
  createHome(dir, {
    configText: "",
    genesisJson: formatGenesis(plan.genesis),
    peers: [],
    nodeKey: keyOfSeed(validator!.nodeSeed),
    validatorKey: keyOfSeed(validator!.seed),
  });
  const home = openHome(dir);
  const flags = { mode: "validator", "rpc.port": "0", "p2p.port": "0" };
  const config = loadConfig({ file: undefined, environment: {}, flags });
  if (!home.ok || !config.ok) throw new Error("the home of the test is wrong");
  return { home: home.value, config: config.value.config };
}

it("does not start with a journal it cannot use, and leaves nothing open", async () => {
  const options = soleValidator();
  const { log } = await openJournalFile(join(homePaths(dir).journal, "votes.log"));
  await log.append([Uint8Array.of(77)]);
  await log.close();
  await expect(startNode(options)).rejects.toThrow("journal record of version 77");
  expect(existsSync(homePaths(dir).lock)).toBe(false);
});

it("starts and stops, twice in a row", async () => {
  const options = soleValidator();
  for (let round = 0; round < 2; round++) {
    const node = await startNode(options);
    expect(node.height()).toBe(0n);
    await Promise.all([node.stop(), node.stop()]);
    expect(existsSync(homePaths(dir).lock)).toBe(false);
  }
});
