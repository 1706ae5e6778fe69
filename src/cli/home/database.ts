/** `quorate compact` and `quorate reindex`: the database of a stopped node made smaller, or its indexes made anew. */
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Command } from "commander";
import { dirOption, leaf } from "../command.ts";
import { type Output, showCount, showDuration } from "../output.ts";
import { checkedOrThrow, withBar, withDatabase, withStoppedHome } from "./stopped-home.ts";

interface ReindexOptions {
  readonly dir: string;
  readonly state?: boolean;
}

const COMPACT_HELP = `
The node of this folder must be stopped. LevelDB writes its tables anew and leaves out what was deleted or replaced; it
needs free disk for a part of the database meanwhile, and nothing is lost when it is broken off.`;

const REINDEX_HELP = `
The node of this folder must be stopped. Without --state the indexes alone are made anew, from the blocks: where a
transaction is, and which block stands at a height. With --state everything that follows from the blocks is: the chain is
executed again into a new database, with every signature checked, and that takes the place of the old one.

Exit codes: 0 done, 1 the stored blocks are damaged, 2 wrong input, 6 the node is running, 78 the disk failed`;

export function addDatabase(program: Command): void {
  leaf<{ readonly dir: string }>(
    program,
    "compact",
    "make the database of a stopped node smaller",
    (command) => command.addOption(dirOption()).addHelpText("after", COMPACT_HELP),
    ({ out, options }) => compact(out, options.dir),
  );
  leaf<ReindexOptions>(
    program,
    "reindex",
    "make the indexes of a stopped node anew from its blocks",
    (command) =>
      command
        .addOption(dirOption())
        .option("--state", "also state, state tree and receipts, by executing every block")
        .addHelpText("after", REINDEX_HELP),
    ({ out, options }) => (options.state === true ? rebuild(out, options.dir) : reindex(out, options.dir)),
  );
}

async function compact(out: Output, dir: string): Promise<void> {
  const started = performance.now();
  const { before, after } = await withStoppedHome({ dir }, async (home) => {
    const bytesBefore = bytesIn(home.paths.db);
    await withDatabase(home, (kv) => kv.compact());
    // Opened once more: the log of what was compacted goes at the next opening.
    await withDatabase(home, async () => undefined);
    return { before: bytesBefore, after: bytesIn(home.paths.db) };
  });
  const tookMs = Math.round(performance.now() - started);
  out.result({ bytesBefore: before, bytesAfter: after, tookMs }, [
    `${out.tick} compacted  ${showCount(before)} bytes before, ${showCount(after)} bytes after   ${showDuration(tookMs)}`,
  ]);
}

function bytesIn(folder: string): number {
  return readdirSync(folder).reduce((sum, name) => sum + statSync(join(folder, name)).size, 0);
}

async function reindex(out: Output, dir: string): Promise<void> {
  const started = performance.now();
  const { reindex: run } = await import("../../node/stored-chain/reindex.ts");
  const done = await withStoppedHome({ dir }, (home) =>
    withDatabase(home, (kv) => withBar(out, "indexing", (progress) => run(home.genesis, kv, progress))),
  );
  const { height, from, transactions, before, mended } = checkedOrThrow(done, []);
  const tookMs = Math.round(performance.now() - started);
  out.result(
    {
      height: Number(height),
      from: Number(from),
      transactions,
      entriesBefore: before,
      heightsMended: mended,
      tookMs,
    },
    [
      `${out.tick} indexed  height ${height}  transactions ${transactions} (${before} entries before)  ${mended} heights mended   ${showDuration(tookMs)}`,
    ],
  );
}

async function rebuild(out: Output, dir: string): Promise<void> {
  const started = performance.now();
  const [{ rebuildChain }, { replaceDatabase }, { storedHeight }] = await Promise.all([
    import("../../node/stored-chain/rebuild-chain.ts"),
    import("../../node/stored-chain/replace-database.ts"),
    import("../../node/stored-chain/open-ledger.ts"),
  ]);
  let height = 0n;
  const done = await withStoppedHome({ dir }, ({ genesis, paths }) =>
    withBar(out, "executing", (progress) =>
      replaceDatabase(paths, async (from, into) => {
        height = storedHeight(genesis, from);
        return rebuildChain(genesis, height, { from, into, progress });
      }),
    ),
  );
  const transactions = checkedOrThrow(done, ["pruned"]);
  const tookMs = Math.round(performance.now() - started);
  out.result({ height: Number(height), from: 1, transactions, tookMs }, [
    `${out.tick} executed anew  height ${height}  transactions ${transactions}   ${showDuration(tookMs)}`,
  ]);
}
