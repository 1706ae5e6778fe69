/** A validator's key and votes that move to a signer: nothing of the journal is lost on the way. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { formatGenesis } from "../../../src/chain/genesis/genesis-file.ts";
import { makeSigner } from "../../../src/cli/home/signer-setup.ts";
import { createHome, homePaths } from "../../../src/node/home/home.ts";
import { keyOfSeed } from "../../../src/node/home/key-file.ts";
import { DEVNET, planNetwork, secretsFromSeed } from "../../../src/node/home/network-plan.ts";
import { signerPaths } from "../../../src/node/signer/signer-home.ts";
import { votesPath } from "../../../src/node/votes/vote-journal-home.ts";
import { makeFolder } from "../../../src/storage/durable-file.ts";
import { openJournalFile } from "../../../src/storage/journal-file.ts";

it("a key that moves to a signer keeps the position of a journal that was written anew, which the database's stamp names", async () => {
  const dir = mkdtempSync(join(tmpdir(), "quorate-moved-"));
  try {
    const home = join(dir, "home");
    const { genesis } = planNetwork({ ...DEVNET, validators: 1 }, secretsFromSeed("moved"));
    const [nodeKey, validatorKey] = [1, 2].map((byte) => keyOfSeed(new Uint8Array(32).fill(byte)));
    createHome(home, {
      ...{ configText: "", genesisJson: formatGenesis(genesis), peers: [] },
      ...{ nodeKey: nodeKey as never, validatorKey },
    });
    const paths = homePaths(home);
    makeFolder(paths.journal);
    const { log } = await openJournalFile(votesPath(paths));
    // As three stable checkpoints do.
    for (let i = 0; i < 3; i++) await log.replace([]);
    const before = log.durable;
    await log.close();
    const made = await makeSigner(join(dir, "signer"), { from: home });
    expect(made.publicKey).toEqual(validatorKey?.publicKey);
    const moved = await openJournalFile(signerPaths(join(dir, "signer")).votes);
    await moved.log.close();
    expect([before.generation, moved.log.durable, moved.state]).toEqual([3, before, "clean"]);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});
