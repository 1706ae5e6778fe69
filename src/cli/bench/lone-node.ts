/**
 * Single nodes of a mined chain whose blocks are empty and found at the easiest target, for benchmarks of starting and of catching
 * up: homes, databases full of blocks, processes. It measures nothing.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { must } from "../../base/assert.ts";
import { Chain } from "../../chain/chain.ts";
import { AcceptedSignatures } from "../../chain/execution/accepted-signatures.ts";
import { formatGenesis } from "../../chain/genesis/genesis-file.ts";
import { computeGenesisHash } from "../../chain/genesis/genesis-state.ts";
import type { SealedBlock } from "../../chain/types/block.ts";
import { selectConsensus } from "../../consensus/select.ts";
import { createSigner } from "../../crypto/keys.ts";
import { formatConfigFile } from "../../node/home/config.ts";
import { createHome, LOG_FILE } from "../../node/home/home.ts";
import { keyOfSeed } from "../../node/home/key-file.ts";
import { peerIdFromSeed } from "../../p2p/transport/identity.ts";
import { makeFolder } from "../../storage/durable-file.ts";
import { openLevel } from "../../storage/level.ts";
import { easyGenesis, solve } from "../../tools/bench/easy-chain.ts";
import { valueOrThrow } from "../exit.ts";
import type { BenchRun } from "./bench-run.ts";

const GENESIS = easyGenesis("bench-lone", []);
/** The seed of the account that the blocks pay. */
const REWARDED = new Uint8Array(32).fill(1);

/** @param seed of the node's own key @param other that of the one peer it knows */
export function makeLoneHome(dir: string, seed: Uint8Array, other: Uint8Array): void {
  const peers = [{ name: "other", peerId: peerIdFromSeed(other) }];
  const configText = formatConfigFile({ name: "bench", mode: "full" });
  const content = { configText, genesisJson: formatGenesis(GENESIS), peers, validatorKey: undefined };
  valueOrThrow(createHome(dir, { ...content, nodeKey: keyOfSeed(seed) }));
}

export async function openLoneChain(db: string): Promise<{ chain: Chain; close: () => Promise<void> }> {
  makeFolder(db);
  const kv = await openLevel(db);
  const genesisHash = computeGenesisHash(GENESIS);
  const { rules } = selectConsensus(GENESIS, genesisHash);
  const chain = await Chain.open(GENESIS, { kv, rules, signatures: new AcceptedSignatures(genesisHash) });
  return { chain, close: () => kv.close() };
}

/** Mines empty blocks into a database. */
export async function mineLone(bench: BenchRun, db: string, count: number): Promise<SealedBlock[]> {
  const { chain, close } = await openLoneChain(db);
  const rewardTo = createSigner(REWARDED).publicKey;
  const mined: SealedBlock[] = [];
  for (let i = 0; i < count; i++) {
    bench.signal.throwIfAborted();
    const timeMs = GENESIS.timeMs + 1_000n * BigInt(i + 1);
    const order = { timeMs, proposer: 0, rewardTo };
    const block = must(
      chain.buildBlock(chain.head.hash, order, () => [], true),
      "the head is there to be built on",
    );
    const sealed = solve(block);
    await chain.importBlock(sealed);
    mined.push(sealed);
    if (i % 500 === 0) bench.show(`mining: ${i} of ${count} blocks`);
  }
  await close();
  return mined;
}

interface StartedNode {
  readonly rpcUrl: string;
  readonly p2p: string;
  /** Ends it, and waits until it is gone. */
  readonly stop: () => Promise<void>;
}

/** Starts `quorate start` on a home. It resolves when the node says that it is ready. */
export async function startLoneNode(
  bench: BenchRun,
  dir: string,
  peers: readonly string[],
): Promise<StartedNode> {
  const binary = fileURLToPath(new URL("../../../bin/quorate.js", import.meta.url));
  const args = ["start", "--dir", dir, "--mode", "full", "--rpc-port", "0", "--p2p-port", "0", "--json"];
  args.push("--log-file", LOG_FILE);
  const child = spawn(process.execPath, [binary, ...args, ...peers.flatMap((peer) => ["--peer", peer])], {
    stdio: ["ignore", "pipe", "inherit", "ipc"],
  });
  const gone = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const end = async (signal: NodeJS.Signals) => {
    child.kill(signal);
    await gone;
  };
  bench.add({ close: () => end("SIGTERM"), kill: () => end("SIGKILL") });
  const { rpcUrl, p2pAddresses } = JSON.parse(await firstLine(child)) as {
    rpcUrl: string;
    p2pAddresses: readonly string[];
  };
  return {
    rpcUrl,
    p2p: must(p2pAddresses[0], "a node that runs listens on an address"),
    stop: () => end("SIGTERM"),
  };
}

/** The first line that a process prints. */
function firstLine(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = "";
    must(child.stdout ?? undefined, "its standard output is a pipe").on("data", (data: Buffer) => {
      text += data.toString();
      if (text.includes("\n")) resolve(text.slice(0, text.indexOf("\n")));
    });
    child.once("exit", (code) => reject(new Error(`a process ended with ${code} before it was ready`)));
  });
}
