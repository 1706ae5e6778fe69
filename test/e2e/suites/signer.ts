/** A signer and its node as processes of their own: either is killed, and the validator votes again by itself. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { formatGenesis } from "../../../src/chain/genesis/genesis-file.ts";
import type { Finding } from "../../../src/cli/home/doctor-checks.ts";
import { examineKeyPlace } from "../../../src/cli/home/doctor-signer.ts";
import { makeSigner } from "../../../src/cli/home/signer-setup.ts";
import { loadConfig } from "../../../src/node/home/config.ts";
import { createHome, openHome } from "../../../src/node/home/home.ts";
import { keyOfSeed } from "../../../src/node/home/key-file.ts";
import { DEVNET, planNetwork, secretsFromSeed } from "../../../src/node/home/network-plan.ts";
import { useSigner } from "../../../src/node/signer/node-side.ts";
import { pairNode, signerPaths } from "../../../src/node/signer/signer-home.ts";
import { Client } from "../../../src/sdk/client.ts";
import { COMMAND, freePorts, until } from "../processes.ts";

const dir = mkdtempSync(join(tmpdir(), "quorate-e2e-signer-"));
const home = join(dir, "home");
const signer = join(dir, "signer");
const running = new Set<ChildProcess>();

afterAll(() => {
  for (const child of running) child.kill("SIGKILL");
  rmSync(dir, { recursive: true, force: true });
});

function run(...words: readonly string[]): ChildProcess {
  const env = { ...process.env, CI: "1", QUORATE_CONSENSUS_EMPTY_BLOCKS_MS: "50" };
  const child = spawn(process.execPath, [COMMAND, ...words], { env, stdio: "ignore" });
  running.add(child);
  return child;
}

/** Resolves when the process is gone. */
function kill(child: ChildProcess): Promise<void> {
  running.delete(child);
  return new Promise((resolve) => {
    child.once("exit", () => resolve());
    child.kill("SIGKILL");
  });
}

function makeHome(): void {
  const { validators, genesis } = planNetwork({ ...DEVNET, validators: 1 }, secretsFromSeed("signer"));
  const [member] = validators;
  if (member === undefined) throw new Error("one was planned");
  createHome(home, {
    ...{ configText: 'mode = "validator"\n', genesisJson: formatGenesis(genesis), peers: [] },
    ...{ nodeKey: keyOfSeed(member.nodeSeed), validatorKey: keyOfSeed(member.seed) },
  });
}

/** What the doctor says of the signer of the home. */
async function examined(): Promise<Finding | undefined> {
  const opened = openHome(home);
  if (!opened.ok) throw new Error(opened.fault.detail);
  const loaded = loadConfig({ file: opened.value.configText, environment: {} });
  if (!loaded.ok) throw new Error(loaded.fault.detail);
  const [found] = await examineKeyPlace(opened.value, loaded.value.config);
  return found;
}

describe("a signer", () => {
  it("is killed, and so is its node: the validator votes again by itself, and both say how it stands", async () => {
    const rpc = await freePorts(3);
    const [p2p, port] = [rpc + 1, rpc + 2];
    makeHome();
    const { publicKey } = await makeSigner(signer, { from: home });
    const url = `tls://127.0.0.1:${port}`;
    const paired = useSigner(join(home, "signer"), { url, publicKey, home }, () =>
      pairNode(signerPaths(signer), "node", Date.now()),
    );
    expect(paired.ok).toBe(true);
    const startSigner = () => run("signer", "start", "--dir", signer, "--listen", `127.0.0.1:${port}`);
    const startNode = () => run("start", "--dir", home, "--rpc-port", `${rpc}`, "--p2p-port", `${p2p}`);
    const client = new Client(`http://127.0.0.1:${rpc}`);
    const status = () => client.call("node_status");
    const goesOn = async (above: number) => (await status()).height > above + 1;
    const first = startSigner();
    // The first start of a home needs it.
    await until(async () => (await examined())?.ok, "the signer answers");
    const node = startNode();
    await until(() => goesOn(0), "blocks are made by the signer's votes");
    await kill(first);
    const lost = await until(async () => {
      const { state, summary } = await client.call("consensus_explain");
      return state === "no-signer" && summary;
    }, "the node says that it has no vote");
    expect(lost).toContain(`NO VOTE: the signer at 127.0.0.1:${port} cannot be asked`);
    const { height, signer: away } = await status();
    expect(away).toMatchObject({ connected: false, address: `127.0.0.1:${port}` });
    startSigner();
    await until(() => goesOn(height), "it votes again when the signer is back");
    const before = (await status()).height;
    await kill(node);
    startNode();
    await until(() => goesOn(before), "a node that is started again goes on from the signer's journal");
    const back = await until(async () => {
      const { signer: asked } = await status();
      return asked?.record !== null && asked;
    }, "the signer has said how it stands");
    // Refusals are right where the node died between a vote's record and its answer (docs/signer.md, "When one of them is gone").
    expect(back).toMatchObject({ connected: true });
    const found = await examined();
    expect(found).toMatchObject({ name: "signer", ok: true });
    expect(found?.detail).toMatch(
      /holds the key of this home; a node is connected; \d+ signed and \d+ refused/,
    );
    client.close();
  }, 120_000);
});
