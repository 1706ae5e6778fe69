/**
 * `quorate rollback`: takes the newest blocks out of a stopped node's database. What counts as final is taken only when
 * the operator says that this is no more than this node's copy of it. The votes of a validator stay: its database is then
 * younger than its journal, and it votes again when it has fetched what its votes rest on.
 */
import { existsSync } from "node:fs";
import type { Command } from "commander";
import { must } from "../../base/assert.ts";
import { showHash } from "../../base/bytes.ts";
import type { Genesis } from "../../chain/genesis/genesis.ts";
import { amount } from "../arguments.ts";
import { dirOption, leaf } from "../command.ts";
import { badInput, CliError, EXIT, valueOrThrow } from "../exit.ts";
import { type Output, showDuration } from "../output.ts";
import { checkedOrThrow, type StoppedHome, withBar, withDatabase, withStoppedHome } from "./stopped-home.ts";

interface RollbackOptions {
  readonly dir: string;
  readonly to: bigint;
  readonly yes?: boolean;
}

const HELP = `
The node of this folder must be stopped; it fetches the blocks again from its peers when it is started. Where blocks
are final (with validators) every block is, so that --yes is always needed; on a mined chain for blocks deeper than
chain.finality_depth. With validators the state is made anew by executing the chain up to that height, on a mined chain by undoing
blocks. A validator's journal of votes is never touched: until it has the blocks again it casts no vote. If no other node
has them, the chain halts: "quorate export" them first.

Exit codes: 0 done, 1 the stored chain is damaged, 2 wrong input or not said --yes, 6 the node is running, 78 the disk failed`;

export function addRollback(program: Command): void {
  leaf<RollbackOptions>(
    program,
    "rollback",
    "take the newest blocks out of a stopped node's database",
    (command) =>
      command
        .addOption(dirOption())
        .requiredOption("--to <height>", "the block that becomes the head", amount)
        .option("--yes", "also blocks that are final: this is only this node's copy, others have them")
        .addHelpText("after", HELP),
    ({ out, options }) => rollback(out, options),
  );
}

async function rollback(out: Output, { dir, to, yes = false }: RollbackOptions): Promise<void> {
  const started = performance.now();
  const { from, hash, votes } = await withStoppedHome({ dir }, async (home) => {
    const top = await headHeight(home);
    if (to > top) throw badInput(`--to ${to}: the chain of this folder ends at height ${top}`);
    const final = await finalHeight(home, top);
    const isVoter = existsSync(home.paths.journal);
    if (to < final && !yes) throw refusal({ to, final, isVoter, isMined: isMined(home.genesis) });
    if (to < top) await (isMined(home.genesis) ? undo(out, home, to) : rebuild(out, home, to));
    return { from: top, hash: await hashAt(home, to), votes: isVoter };
  });
  const tookMs = Math.round(performance.now() - started);
  const removed = Number(from - to);
  out.result(
    { from: Number(from), height: Number(to), headHash: hash, removed, journalKept: votes, tookMs },
    [
      `${out.tick} rolled back  from height ${from} to ${to}  head ${hash}   ${showDuration(tookMs)}`,
      ...(votes && removed > 0
        ? [
            "  its votes stay: it votes again when it has fetched the blocks that they rest on (quorate explain)",
          ]
        : []),
    ],
  );
}

interface Refusal {
  readonly to: bigint;
  readonly final: bigint;
  readonly isVoter: boolean;
  readonly isMined: boolean;
}

function refusal({ to, final, isVoter, isMined: mined }: Refusal): CliError {
  const what = `blocks ${to + 1n} to ${final} are final`;
  const why = mined
    ? "so many blocks are on top of them that others rely on them"
    : "a quorum has signed each of them, and no node can take that back";
  const votes = isVoter ? " Its journal of votes stays, so it does not vote until it has them again." : "";
  return new CliError(
    EXIT.badInput,
    "FINAL",
    `${what}: ${why}. If you want to take away only this node's copy, which it fetches again from others, say --yes.${votes} Nothing was changed`,
  );
}

function isMined({ validators }: Genesis): boolean {
  return validators.length === 0;
}

async function headHeight(home: StoppedHome): Promise<bigint> {
  return withDatabase(home, async (kv) => (await storeOf(home, kv)).head.summary.height);
}

async function hashAt(home: StoppedHome, height: bigint): Promise<string> {
  return withDatabase(home, async (kv) => {
    const { store } = await storeOf(home, kv);
    return showHash(must(store.hashAt(height), "the head has a hash"));
  });
}

async function storeOf({ genesis }: StoppedHome, kv: Parameters<Parameters<typeof withDatabase>[1]>[0]) {
  const [{ ChainStore }, { computeGenesisHash }] = await Promise.all([
    import("../../chain/store.ts"),
    import("../../chain/genesis/genesis-state.ts"),
  ]);
  const store = new ChainStore(kv, genesis.limits);
  const hash = store.openHead(computeGenesisHash(genesis), showHash);
  const head = hash === undefined ? undefined : store.head(hash);
  if (head === undefined) throw badInput("the database is empty: there is nothing to roll back");
  return { store, head };
}

/** The height of the final block: the head where blocks are sealed, and elsewhere the block that many below it. */
async function finalHeight({ paths, genesis }: StoppedHome, top: bigint): Promise<bigint> {
  if (!isMined(genesis)) return top;
  const [{ loadConfig }, { readTextFile }] = await Promise.all([
    import("../../node/home/config.ts"),
    import("../../node/home/text-file.ts"),
  ]);
  const file = existsSync(paths.config) ? valueOrThrow(readTextFile(paths.config)) : undefined;
  const { config } = valueOrThrow(loadConfig({ file, environment: process.env }));
  const final = top - BigInt(config.chain.finalityDepth);
  return final < 0n ? 0n : final;
}

async function undo(out: Output, home: StoppedHome, height: bigint): Promise<void> {
  const { rollBack } = await import("../../node/stored-chain/roll-back.ts");
  await withDatabase(home, async (kv) => {
    const { store } = await storeOf(home, kv);
    const wrong = await withBar(out, "undoing", (progress) => rollBack(store, height, progress));
    if (wrong !== undefined) checkedOrThrow({ ok: false, fault: wrong }, ["no-undo"]);
  });
}

async function rebuild(out: Output, { genesis, paths }: StoppedHome, height: bigint): Promise<void> {
  const [{ rebuildChain }, { replaceDatabase }] = await Promise.all([
    import("../../node/stored-chain/rebuild-chain.ts"),
    import("../../node/stored-chain/replace-database.ts"),
  ]);
  const rebuilt = await withBar(out, "executing", (progress) =>
    replaceDatabase(paths, (from, into) => rebuildChain(genesis, height, { from, into, progress })),
  );
  checkedOrThrow(rebuilt, ["pruned"]);
}
