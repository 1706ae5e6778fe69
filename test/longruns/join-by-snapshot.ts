/**
 * A long run on real processes: a chain is made, four nodes serve it, and a newcomer joins twice, by a snapshot and by
 * replay. One of the four has a snapshot that is wrong in every chunk. Measured: how long until the newcomer is level,
 * and what its home takes. Exit code 1 when the two do not end in the same state, or the liar is not named.
 *
 *   npm run build && npm run joining [-- BLOCKS [ACCOUNTS [DIR]]]      5,000 and 20,000 by default
 *
 * DIR keeps the chain: one of so many blocks and accounts that is there already is not made again.
 */
import { spawn } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { must } from "../../src/base/assert.ts";
import { asAddress, EMPTY, utf8 } from "../../src/base/bytes.ts";
import { Chain } from "../../src/chain/chain.ts";
import { AcceptedSignatures } from "../../src/chain/execution/accepted-signatures.ts";
import { formatGenesis } from "../../src/chain/genesis/genesis-file.ts";
import { computeGenesisHash } from "../../src/chain/genesis/genesis-state.ts";
import { bank } from "../../src/chain/modules/bank.ts";
import type { ConsensusRules } from "../../src/chain/rules.ts";
import type { Block } from "../../src/chain/types/block.ts";
import { signTransaction } from "../../src/chain/types/transaction.ts";
import { encodeCommitCertificate } from "../../src/consensus/pbft/certificate.ts";
import { signingBytes } from "../../src/consensus/pbft/messages.ts";
import { selectConsensus } from "../../src/consensus/select.ts";
import { sha256 } from "../../src/crypto/hash.ts";
import { createSigner } from "../../src/crypto/keys.ts";
import { formatConfigFile } from "../../src/node/home/config.ts";
import { createHome, homePaths } from "../../src/node/home/home.ts";
import { keyOfSeed } from "../../src/node/home/key-file.ts";
import { DEVNET, planNetwork, secretsFromSeed } from "../../src/node/home/network-plan.ts";
import { snapshotContext } from "../../src/node/snapshot/snapshot-context.ts";
import { writeSnapshotFile } from "../../src/node/snapshot/snapshot-file.ts";
import { indexSnapshot } from "../../src/node/snapshot/snapshot-index.ts";
import { syncedLazily } from "../../src/node/stored-chain/lazy-sync.ts";
import { peerIdFromSeed } from "../../src/p2p/transport/identity.ts";
import { openLevel } from "../../src/storage/level.ts";
import { COMMAND } from "../e2e/processes.ts";

const BLOCKS = Number(process.argv[2] ?? 5_000);
const ACCOUNTS = Number(process.argv[3] ?? 20_000);
/** Blocks above the snapshot. */
const REST = Math.min(100, Math.floor(BLOCKS / 10));
/** Of Linux, a second. */
const CLOCK_TICKS = 100;
const SOURCES = ["source0", "source1", "source2", "liar"];

const started = performance.now();
const problems: string[] = [];
function say(words: string): void {
  console.log(`${((performance.now() - started) / 1_000).toFixed(0).padStart(4)} s  ${words}`);
}

function cpuSeconds(): string {
  const { user, system } = process.cpuUsage();
  return ((user + system) / 1e6).toFixed(1);
}

const secrets = secretsFromSeed("join-by-snapshot");
const plan = planNetwork({ ...DEVNET, validators: 4 }, secrets);
// Together with the devnet's no more than a genesis may have.
const many = Array.from({ length: Math.max(0, ACCOUNTS - plan.genesis.accounts.length) }, (_, i) => {
  return { address: asAddress(sha256(utf8(`account ${i}`))), balance: 1n };
});
const genesis = { ...plan.genesis, accounts: [...plan.genesis.accounts, ...many] };
const genesisHash = computeGenesisHash(genesis);
const signers = plan.validators.map(({ seed }) => createSigner(seed));
const { rules, validators } = selectConsensus(genesis, genesisHash);
const people = plan.accounts.map(({ seed }) => createSigner(seed));
const dir = mkdtempSync(join(tmpdir(), "quorate-joining-"));
const kept = process.argv[4];
const nodeSeed = (name: string) => secrets("node", name);

function makeHome(name: string, peers: readonly string[]): string {
  const home = join(dir, name);
  createHome(home, {
    configText: formatConfigFile({ name, mode: "full" }),
    genesisJson: formatGenesis(genesis),
    peers: peers.map((peer) => ({ name: peer, peerId: peerIdFromSeed(nodeSeed(peer)) })),
    nodeKey: keyOfSeed(nodeSeed(name)),
    validatorKey: undefined,
  });
  return home;
}

function sealOf(block: Block): Uint8Array {
  const { height, epoch } = block.summary;
  const signatures = validators.members.slice(0, 3).map((member, signer) => {
    const body = { type: "commit", from: signer, epoch, view: 0n, height, hash: block.hash } as const;
    const key = signers.find(({ publicKey }) => Buffer.compare(publicKey, member.publicKey) === 0);
    if (key === undefined) throw new Error("a validator without a key");
    return { signer, signature: key.sign(signingBytes(genesisHash, body)) };
  });
  return encodeCommitCertificate({ view: 0n, signatures });
}

/** The chain in a home, one transfer a block, and its snapshot some blocks below the head. */
async function makeChain(home: string, file: string): Promise<void> {
  const paths = homePaths(home);
  mkdirSync(paths.db, { recursive: true });
  const kv = await openLevel(paths.db);
  const lazy = syncedLazily(kv);
  // The seals are true ones, for whoever joins: who has just made them need not verify them.
  const trusting = { ...rules, verifySeal: () => undefined } as ConsensusRules;
  const signatures = new AcceptedSignatures(genesisHash);
  const chain = await Chain.open(genesis, { kv: lazy, rules: trusting, signatures });
  const [from, to] = people;
  const context = snapshotContext(genesis, { depth: 1, now: () => Date.now() });
  if (from === undefined || to === undefined) throw new Error("a devnet has accounts");
  mkdirSync(paths.snapshots, { recursive: true });
  for (let i = 0; i < BLOCKS; i++) {
    if (i > 0 && i % 10_000 === 0) say(`block ${i}, ${cpuSeconds()} s of processor time`);
    const payload = bank.encodeCall({ to: to.publicKey, amount: 1n, memo: EMPTY });
    const { chainId } = genesis;
    const fields = { chainId, nonce: BigInt(i), fee: 0n, validUntilHeight: 0n, module: bank.id, payload };
    const transfer = signTransaction(fields, from, genesisHash);
    const order = { timeMs: genesis.timeMs + BigInt(i + 1), proposer: 0 };
    const block = chain.buildBlock(chain.head.hash, order, () => [transfer], true);
    if (block === undefined) throw new Error("the head is there to be built on");
    const result = await chain.importBlock({ block, seal: sealOf(block) });
    if (result.kind !== "imported") throw new Error(`block ${i + 1}: ${JSON.stringify(result)}`);
    if (i + 1 === BLOCKS - REST) {
      let longestMs = 0;
      const slice = <T>(work: () => T): T => {
        const from = performance.now();
        const done = work();
        longestMs = Math.max(longestMs, performance.now() - from);
        return done;
      };
      const fromMs = performance.now();
      const ports = { openKv: async () => kv.freeze(), slice };
      const made = await writeSnapshotFile(context, ports, file);
      if (!made.ok) throw new Error(made.fault.detail);
      const { accounts, bytes, chunks } = made.value;
      const took = (performance.now() - fromMs).toFixed(0);
      say(
        `snapshot of height ${i + 1}: ${accounts} accounts, ${bytes} bytes in ${chunks} chunks, ${took} ms, longest slice ${longestMs.toFixed(1)} ms`,
      );
    }
  }
  await lazy.flush();
  await kv.close();
}

/** One wrong byte in each chunk. */
async function spoil(file: string): Promise<void> {
  const index = await indexSnapshot(file, genesis.limits);
  if (index === undefined) throw new Error("the snapshot is no snapshot");
  const bytes = readFileSync(file);
  for (const { offset, length } of index.places) bytes[offset + length - 1]! ^= 1;
  writeFileSync(file, bytes);
}

interface Running {
  readonly rpcUrl: string;
  readonly p2p: string;
  /** Of all its threads since it began. */
  cpuSeconds(): number;
  /** What it said on standard error. */
  log(): string;
  stop(): Promise<void>;
}

async function start(home: string, peers: readonly string[], ...more: readonly string[]): Promise<Running> {
  const args = ["start", "--dir", home, "--rpc-port", "0", "--p2p-port", "0", "--json", ...more];
  args.push(...peers.flatMap((peer) => ["--peer", peer]));
  const child = spawn(process.execPath, [COMMAND, ...args], {
    env: { ...process.env, QUORATE_P2P_HOST: "127.0.0.1" },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let log = "";
  child.stderr.on("data", (chunk: Buffer) => {
    log += chunk.toString();
  });
  const gone = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  running.push(child.kill.bind(child));
  const line = await new Promise<string>((resolve, reject) => {
    let out = "";
    child.stdout.on("data", (chunk: Buffer) => {
      out += chunk.toString();
      if (out.includes("\n")) resolve(out);
    });
    child.once("exit", () => reject(new Error(`${home} ended: ${log}`)));
  });
  const said = JSON.parse(line) as { rpcUrl: string; p2pAddresses?: string[] };
  const { rpcUrl, p2pAddresses = [] } = said;
  if (p2pAddresses.length === 0) throw new Error(`${home} did not start: ${line}`);
  const stop = async () => {
    child.kill("SIGTERM");
    await gone;
  };
  const cpuSeconds = () => {
    const [, user = 0, system = 0] =
      /\) (?:\S+ ){11}(\d+) (\d+)/.exec(readFileSync(`/proc/${child.pid}/stat`, "utf8"))?.map(Number) ?? [];
    return (user + system) / CLOCK_TICKS;
  };
  return { rpcUrl, cpuSeconds, p2p: must(p2pAddresses[0], "a node that runs listens"), log: () => log, stop };
}

const running: ((signal: NodeJS.Signals) => boolean)[] = [];

async function ask(url: string, method: string, params = {}): Promise<Record<string, unknown>> {
  const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method, params });
  const answer = await fetch(url, { method: "POST", headers: { "content-type": "application/json" }, body });
  return ((await answer.json()) as { result: Record<string, unknown> }).result;
}

function bytesOf(path: string): number {
  const stat = statSync(path);
  return stat.isDirectory()
    ? readdirSync(path).reduce((sum, name) => sum + bytesOf(join(path, name)), 0)
    : stat.size;
}

/** From the start of the process until it is level. */
async function joinWith(name: string, peers: readonly string[], ...more: readonly string[]) {
  const home = makeHome(name, SOURCES);
  const fromMs = performance.now();
  const node = await start(home, peers, ...more);
  for (;;) {
    const { height } = await ask(node.rpcUrl, "node_status");
    if (height === BLOCKS) break;
    await new Promise((resolve) => setTimeout(resolve, 100)); // between two looks at a real process
  }
  const seconds = ((performance.now() - fromMs) / 1_000).toFixed(1);
  const cpu = node.cpuSeconds().toFixed(1);
  const { stateRoot } = await ask(node.rpcUrl, "chain_getHeader", { block: BLOCKS });
  await node.stop();
  return {
    took: `${seconds} s (${cpu} s of processor time)`,
    stateRoot,
    log: node.log(),
    bytes: bytesOf(homePaths(home).db),
  };
}

try {
  const newcomers = ["by-snapshot", "by-replay"];
  const first = makeHome("source0", newcomers);
  const file = join(homePaths(first).snapshots, `${BLOCKS - REST}.snapshot`);
  const made = join(kept ?? dir, `chain-${BLOCKS}-${ACCOUNTS}`);
  if (existsSync(made)) cpSync(made, join(first, "data"), { recursive: true });
  else {
    await makeChain(first, file);
    say(`${BLOCKS} blocks, ${ACCOUNTS} accounts made, ${cpuSeconds()} s of processor time`);
    if (kept !== undefined) cpSync(join(first, "data"), made, { recursive: true });
  }
  const sources: Running[] = [];
  for (const name of SOURCES) {
    const home = name === "source0" ? first : makeHome(name, newcomers);
    if (home !== first) cpSync(join(first, "data"), join(home, "data"), { recursive: true });
    if (name === "liar") await spoil(file.replace(first, home));
    sources.push(await start(home, []));
  }
  const peers = sources.map(({ p2p }) => p2p);
  say("four sources run");
  const bySnapshot = await joinWith("by-snapshot", peers, "--snapshot");
  say(`by snapshot: level after ${bySnapshot.took}, database ${bySnapshot.bytes} bytes`);
  for (const line of bySnapshot.log.split("\n")) {
    if (/"component":"snapshot"|peer at fault/.test(line)) say(`  ${line}`);
  }
  const byReplay = await joinWith("by-replay", peers);
  say(`by replay: level after ${byReplay.took}, database ${byReplay.bytes} bytes`);
  if (bySnapshot.stateRoot === undefined || bySnapshot.stateRoot !== byReplay.stateRoot) {
    problems.push(`state roots ${bySnapshot.stateRoot} and ${byReplay.stateRoot}`);
  }
  const liar = peerIdFromSeed(nodeSeed("liar"));
  const named = bySnapshot.log.split("\n").filter((line) => line.includes("peer at fault"));
  if (!named.some((line) => line.includes(liar))) problems.push("the liar was not named");
  if (named.some((line) => !line.includes(liar))) problems.push("somebody else was named");
  for (const source of sources) await source.stop();
} catch (error) {
  problems.push(String(error));
} finally {
  for (const kill of running) kill("SIGKILL");
  rmSync(dir, { recursive: true, force: true });
}
for (const problem of problems) say(`WRONG: ${problem}`);
process.exitCode = problems.length === 0 ? 0 : 1;
