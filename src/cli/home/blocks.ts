/** `quorate export` and `quorate import`: the blocks of a chain as a file, from one stopped home to another. */
import type { Command } from "commander";
import { showHash } from "../../base/bytes.ts";
import { shellWord } from "../../base/shell-word.ts";
import { amount } from "../arguments.ts";
import { dirOption, leaf } from "../command.ts";
import { type Output, showCount, showDuration } from "../output.ts";
import { checkedOrThrow, withBar, withDatabase, withStoppedHome } from "./stopped-home.ts";

interface ExportOptions {
  readonly dir: string;
  readonly out: string;
  readonly from?: bigint;
  readonly to?: bigint;
}

const EXPORT_HELP = `
The node of this folder must be stopped. The file holds the blocks with their certificates (or their work), not the
state: whoever imports it executes and checks every block. Nothing is overwritten; an export that fails leaves no file.

Exit codes: 0 written, 1 the database is damaged, 2 wrong input or the file exists, 6 the node is running, 78 the disk failed`;

const IMPORT_HELP = `
The folder needs the genesis file of the chain ("quorate init" makes one). Every block is checked as one from a peer is:
form, certificate or work, every signature, execution and state root. What the chain has already is passed over, so
an import that was broken off is simply repeated. Start the node afterwards: it goes on by blocks from its peers.

Exit codes: 0 imported, 1 a block or the file is NOT valid (the blocks before it are imported), 2 wrong input,
            6 the node is running, 78 the disk failed`;

export function addBlocks(program: Command): void {
  leaf<ExportOptions>(
    program,
    "export",
    "write the blocks of a stopped node into a file",
    (command) =>
      command
        .addOption(dirOption())
        .requiredOption("--out <file>", "file to be written; it must not exist")
        .option("--from <height>", "the first block; the lowest that is here if left out", amount)
        .option("--to <height>", "the last block; the head if left out", amount)
        .addHelpText("after", EXPORT_HELP),
    ({ out, options }) => exportTo(out, options),
  );
  leaf<{ readonly dir: string }>(
    program,
    "import <file>",
    "check and execute the blocks of a file in a stopped node's folder",
    (command) => command.addOption(dirOption()).addHelpText("after", IMPORT_HELP),
    ({ out, options, args }) => importFrom(out, options.dir, args[0]),
  );
}

async function exportTo(out: Output, { dir, out: file, from, to }: ExportOptions): Promise<void> {
  const { exportToFile } = await import("../../node/stored-chain/block-file-io.ts");
  const started = performance.now();
  const exported = await withStoppedHome({ dir }, (home) =>
    withDatabase(home, (kv) =>
      withBar(out, "exporting", (progress) =>
        exportToFile(home.genesis, { kv, out: file, range: { from, to } }, progress),
      ),
    ),
  );
  const inputs = ["exists", "no-blocks", "bad-range", "not-here"];
  const { blocks, transactions, bytes, lastHash, ...range } = checkedOrThrow(exported, inputs);
  const tookMs = Math.round(performance.now() - started);
  const heights = { from: Number(range.from), to: Number(range.to) };
  out.result({ file, ...heights, blocks, transactions, bytes, lastHash: showHash(lastHash), tookMs }, [
    `${out.tick} exported  blocks ${range.from} to ${range.to}  transactions ${transactions}  ${showCount(bytes)} bytes   ${showDuration(tookMs)}`,
    `  last block ${showHash(lastHash)}`,
  ]);
}

async function importFrom(out: Output, dir: string, file: string): Promise<void> {
  const { importFromFile } = await import("../../node/stored-chain/block-file-io.ts");
  const started = performance.now();
  const imported = await withStoppedHome({ dir, mayBeNew: true }, (home) =>
    withDatabase(home, (kv) =>
      withBar(out, "importing", (progress) => importFromFile(home.genesis, { kv, path: file }, progress)),
    ),
  );
  const inputs = ["not-a-block-file", "wrong-format", "wrong-genesis", "gap", "early"];
  const { height, known, transactions, ...report } = checkedOrThrow(imported, inputs, file);
  const tookMs = Math.round(performance.now() - started);
  const heights = { from: Number(report.from), to: Number(report.to), height: Number(height) };
  out.result({ file, ...heights, imported: report.imported, known, transactions, tookMs }, [
    `${out.tick} imported  ${report.imported} blocks  transactions ${transactions}  ${known} were here already   ${showDuration(tookMs)}`,
    `  the chain of this folder ends at height ${height}`,
  ]);
  out.note(`  start the node now: quorate start --dir ${shellWord(dir)}`);
}
