/**
 * What a call of a declared module costs beside a transfer of the bank that does the same: whole blocks of each, their
 * signatures verified together and executed by the shipped chain, in turns. The module is bundled and evaluated as a
 * node does it. Processor time of this process.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { assert, must } from "../../base/assert.ts";
import { hex0x } from "../../base/bytes.ts";
import { Chain } from "../../chain/chain.ts";
import { AcceptedSignatures } from "../../chain/execution/accepted-signatures.ts";
import { modulesOf } from "../../chain/execution/modules-in-force.ts";
import { callFromJson } from "../../chain/modules/module-state.ts";
import type { Block } from "../../chain/types/block.ts";
import type { SignedTransaction } from "../../chain/types/transaction.ts";
import { selectConsensus } from "../../consensus/select.ts";
import { MemoryKv } from "../../storage/memory.ts";
import { signatureWorld } from "../sim/signatures.ts";
import { World } from "../sim/world.ts";

export interface ModuleCostOptions {
  readonly rounds: number;
  /** How many transactions a block has. */
  readonly perBlock: number;
  /** The chain's part that has these modules, from their sources (testing/own-modules.ts). */
  readonly modulesFrom: (
    files: readonly string[],
  ) => Promise<ConstructorParameters<typeof World>[0]["modules"]>;
}

export interface ModuleCost {
  /** Microseconds of processor time a transaction, medians over the rounds. */
  readonly transferUs: number;
  readonly callUs: number;
  /** The ratio of the two in the same round, of which this is the median. */
  readonly ratio: number;
}

const ACCOUNTS = 50;
const BALANCE = 1_000_000n;
const COIN = `import { address, call, defineModule, event, map, uint } from "quorate/module";
export default defineModule(
  { name: "coin", state: { held: map(address, uint(64)) }, events: { paid: event({ from: address, to: address, amount: uint(64) }) },
    faults: { Short: "the sender has less" } },
  { pay: call({ to: address, amount: uint(64) }, (ctx, { to, amount }) => {
      const own = ctx.state.held.get(ctx.sender) ?? 1000000n;
      if (own < amount) throw ctx.fault("Short");
      ctx.state.held.set(ctx.sender, own - amount);
      ctx.state.held.set(to, (ctx.state.held.get(to) ?? 1000000n) + amount);
      ctx.emit.paid({ from: ctx.sender, to, amount });
    }) },
);`;

export async function measureModuleCost(
  { rounds, perBlock, modulesFrom }: ModuleCostOptions,
  signal: AbortSignal,
): Promise<ModuleCost> {
  const dir = mkdtempSync(join(tmpdir(), "quorate-bench-module-"));
  try {
    const source = join(dir, "coin.ts");
    writeFileSync(source, COIN);
    const modules = must(await modulesFrom([source]), "a chain with modules");
    const options = { validators: 1, accounts: ACCOUNTS, balance: BALANCE, modules };
    const world = new World(options, signatureWorld("ed25519"));
    const [transfers, calls] = [
      await blockOf(world, perBlock, transfer),
      await blockOf(world, perBlock, pay),
    ];
    const found: { transferUs: number; callUs: number }[] = [];
    // The first rounds warm up.
    for (let round = -2; round < rounds && !signal.aborted; round++) {
      const transferUs = await checkUs(world, transfers);
      const callUs = await checkUs(world, calls);
      if (round >= 0) found.push({ transferUs, callUs });
    }
    return {
      transferUs: median(found.map((one) => one.transferUs)),
      callUs: median(found.map((one) => one.callUs)),
      ratio: median(found.map((one) => one.callUs / one.transferUs)),
    };
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

type Sign = (world: World, from: number, to: number, nonce: bigint) => SignedTransaction;

const transfer: Sign = (world, from, to, nonce) => world.transfer(from, to, 3n, nonce);

const pay: Sign = (world, from, to, nonce) => {
  const module = must(modulesOf(world.genesis).named("coin"), "the genesis has it");
  const address = hex0x(must(world.accounts[to], "an account of the run").publicKey);
  const made = callFromJson(module.form, "pay", { to: address, amount: "3" });
  assert(made.ok, "the arguments are those of the declaration");
  return world.call(from, { module: module.id, payload: module.encodeCall(made.value) }, nonce);
};

async function blockOf(world: World, count: number, sign: Sign): Promise<Block> {
  const transactions = Array.from({ length: count }, (_, i) =>
    sign(world, i % ACCOUNTS, (i + 1) % ACCOUNTS, BigInt(Math.floor(i / ACCOUNTS))),
  );
  const chain = await chainOf(world);
  const proposal = { timeMs: world.genesis.timeMs + 1_000n, proposer: 0 };
  const block = must(
    chain.buildBlock(chain.head.hash, proposal, () => transactions, false),
    "it has transactions",
  );
  assert(block.transactions.length === count, "a block has room for all");
  return block;
}

/** What checking costs a chain that has seen none of the signatures, in microseconds. */
async function checkUs(world: World, block: Block): Promise<number> {
  const chain = await chainOf(world);
  const before = process.cpuUsage();
  const { kind } = chain.checkBlock(block);
  const { user, system } = process.cpuUsage(before);
  assert(kind === "valid", "a block that was built here is valid");
  return (user + system) / block.transactions.length;
}

function chainOf({ genesis, genesisHash }: World): Promise<Chain> {
  const { rules } = selectConsensus(genesis, genesisHash);
  return Chain.open(genesis, { kv: new MemoryKv(), rules, signatures: new AcceptedSignatures(genesisHash) });
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
