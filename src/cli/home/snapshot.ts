/**
 * `quorate snapshot`: the state of a chain as a file that proves itself to whoever has the genesis. `export` writes it
 * from a stopped node, `verify` checks it offline, `import` lets a home without blocks begin with it.
 */
import { existsSync } from "node:fs";
import { type Command, Option } from "commander";
import { hex0x, showHash } from "../../base/bytes.ts";
import { shellWord } from "../../base/shell-word.ts";
import type { SnapshotFacts } from "../../chain/snapshot/snapshot-check.ts";
import { type HomePaths, homePaths, loadGenesis } from "../../node/home/home.ts";
import { takeLock } from "../../node/home/lock.ts";
import { startErrorOf } from "../../node/home/start-error.ts";
import type { SnapshotLimits } from "../../node/snapshot/snapshot-context.ts";
import type { Progress } from "../../node/snapshot/snapshot-file.ts";
import { namePath } from "../../storage/disk-fault.ts";
import { integer } from "../arguments.ts";
import { startBar } from "../bar.ts";
import { dirOption, group, leaf } from "../command.ts";
import { badInput, CliError, diskError, EXIT, type ExitCode, valueOrThrow } from "../exit.ts";
import { fileProblem } from "../file-problem.ts";
import { type Output, showCount, showDuration } from "../output.ts";
import { acceptOption } from "../tx/trust.ts";

/** The largest depth, which is that of snapshots.depth in config.toml. */
const SNAPSHOT_DEPTH_MAX = 10_000;

interface ExportOptions extends ImportOptions {
  readonly out: string;
}

interface ImportOptions {
  readonly dir: string;
  readonly depth?: number;
  readonly acceptTransition?: readonly string[];
}

interface VerifyOptions {
  readonly genesis: string;
  readonly depth?: number;
  readonly acceptTransition?: readonly string[];
}

const EXPORT_HELP = `
The node of this folder must be stopped. The file holds the state at its newest block, the certificate of that
block, and the few blocks before it that a validator needs; old blocks and transactions are not in it. Of a mined chain
it holds all headers, and the state of the block that has snapshots.depth of them on top (--depth says otherwise). It
needs about as much free disk again for sorting. Nothing is overwritten, and an export that fails leaves no file.

Exit codes: 0 written, 2 wrong input or the file exists, 6 the node is running, 78 the disk failed`;

const VERIFY_HELP = `
No node and no network is needed: the certificate is checked against the validators of the genesis file, or of later
epochs as the ends of epochs in the snapshot prove them, and each chunk against the state root that the certificate
covers. The first chunk that is wrong is named. Get the genesis file from somebody you trust, not from whoever gave you
the snapshot.
Of a mined chain the work of each header is checked from genesis on; that the state is right is then ASSUMED: the work on
top of it says that miners took it for right, and only executing all blocks shows it. Compare the head with one that
you trust, and say how many headers must stand on it with --depth.

Exit codes: 0 valid, 1 NOT valid, 2 wrong input, 78 the disk failed`;

const IMPORT_HELP = `
The folder needs a genesis file and must have no blocks yet ("quorate init" makes one). Every chunk is checked before
it is kept. If it is broken off, the node says so at its next start, and the same command begins again. Afterwards
start the node: it goes on by blocks from its peers. A validator's journal of votes is left as it is. Of a mined chain
the state is assumed until the node has executed the blocks below, which it does in the background: quorate status says
how far it is.

Exit codes: 0 imported, 1 the snapshot is NOT valid, 2 wrong input or the folder has blocks, 6 the node is running,
            78 the disk failed`;

export function addSnapshot(program: Command): void {
  const snapshot = group(program, "snapshot", "the state of a chain as a file that proves itself");
  leaf<ExportOptions>(
    snapshot,
    "export",
    "write the state of a stopped node into a file",
    (command) =>
      command
        .addOption(dirOption())
        .requiredOption("--out <file>", "file to be written; it must not exist")
        .addOption(depthOption("snapshots.depth of config.toml"))
        .addHelpText("after", EXPORT_HELP),
    ({ out, options }) => exportTo(out, options),
  );
  leaf<VerifyOptions>(
    snapshot,
    "verify <file>",
    "check a snapshot by the genesis file alone",
    (command) =>
      command
        .requiredOption("--genesis <file>", "genesis.json of the chain")
        .addOption(depthOption("1"))
        .addOption(acceptOption())
        .addHelpText("after", VERIFY_HELP),
    ({ out, options, args }) => verify(out, options, args[0]),
  );
  leaf<ImportOptions>(
    snapshot,
    "import <file>",
    "let a node without blocks begin with a snapshot",
    (command) =>
      command
        .addOption(dirOption())
        .addOption(depthOption("snapshots.depth of config.toml"))
        .addOption(acceptOption())
        .addHelpText("after", IMPORT_HELP),
    ({ out, options, args }) => importFrom(out, options, args[0]),
  );
}

function depthOption(usual: string): Option {
  const what = `of a mined chain: headers that must stand on the snapshot's block (default: ${usual})`;
  return new Option("--depth <blocks>", what).argParser(integer(1, SNAPSHOT_DEPTH_MAX));
}

/** What a snapshot is held to: what the home's configuration says, unless the command says otherwise. */
async function limitsOf(
  { depth, acceptTransition: accepted = [] }: ImportOptions,
  paths: HomePaths,
): Promise<SnapshotLimits> {
  const now = () => Date.now();
  if (depth !== undefined) return { depth, now, accepted };
  const [{ loadConfig }, { readTextFile }] = await Promise.all([
    import("../../node/home/config.ts"),
    import("../../node/home/text-file.ts"),
  ]);
  const file = existsSync(paths.config) ? valueOrThrow(readTextFile(paths.config)) : undefined;
  const { config } = valueOrThrow(loadConfig({ file, environment: process.env }));
  return { depth: config.snapshots.depth, now, accepted };
}

const BAR = "{bar} {percentage} %  {duration_formatted}";

async function exportTo(out: Output, options: ExportOptions): Promise<void> {
  const paths = homePaths(options.dir);
  await working(
    out,
    { verb: "exported", bar: "exporting", paths, file: options.out },
    async (files, progress) => {
      const context = files.contextOf(
        valueOrThrow(loadGenesis(paths.genesis)).genesis,
        await limitsOf(options, paths),
      );
      if (!existsSync(paths.db)) {
        throw new CliError(
          EXIT.badInput,
          "MISSING",
          `${paths.db}: not found; this node has never been started`,
        );
      }
      const lock = lockOf(paths.lock);
      try {
        const place = { db: paths.db, out: options.out };
        return valueOrThrow(await files.exportFile(context, place, progress));
      } finally {
        lock.release();
      }
    },
  );
}

async function verify(out: Output, options: VerifyOptions, file: string): Promise<void> {
  await working(out, { verb: "valid", bar: "verifying", file }, async (files, progress) => {
    const { depth = 1, acceptTransition: accepted = [] } = options;
    const limits = { depth, now: () => Date.now(), accepted };
    const context = files.contextOf(valueOrThrow(loadGenesis(options.genesis)).genesis, limits);
    return mustBeValid(await files.verifyFile(context, file, progress), file);
  });
}

async function importFrom(out: Output, options: ImportOptions, file: string): Promise<void> {
  const paths = homePaths(options.dir);
  await working(out, { verb: "imported", bar: "importing", paths, file }, async (files, progress) => {
    const context = files.contextOf(
      valueOrThrow(loadGenesis(paths.genesis)).genesis,
      await limitsOf(options, paths),
    );
    const lock = lockOf(paths.lock);
    try {
      return mustBeValid(await files.importFile(context, { paths, file }, progress), file);
    } finally {
      lock.release();
    }
  });
  out.note(`  start the node now: quorate start --dir ${shellWord(options.dir)}`);
}

interface Work {
  /** What was done, in the result. */
  readonly verb: string;
  readonly bar: string;
  readonly paths?: HomePaths;
  /** The snapshot. */
  readonly file: string;
}

type Files = Awaited<ReturnType<typeof loadFiles>>;

async function loadFiles() {
  const [files, { snapshotContext }] = await Promise.all([
    import("../../node/snapshot/snapshot-file.ts"),
    import("../../node/snapshot/snapshot-context.ts"),
  ]);
  return { ...files, contextOf: snapshotContext };
}

async function working(
  out: Output,
  work: Work,
  run: (files: Files, progress: Progress) => Promise<SnapshotFacts & { readonly bytes: number }>,
): Promise<void> {
  let bar: ReturnType<typeof startBar>;
  let isBegun = false;
  const progress: Progress = (done, total) => {
    if (!isBegun) bar = startBar(out, 100, `${work.bar} ${BAR}`);
    isBegun = true;
    bar?.update(Math.round((100 * done) / Math.max(total, 1)));
  };
  const started = performance.now();
  try {
    const facts = await run(await loadFiles(), progress);
    bar?.stop();
    printExport(out, work, facts, performance.now() - started);
  } catch (error) {
    bar?.stop();
    throw explained(error, work);
  }
}

function printExport(
  out: Output,
  { verb, file }: Work,
  facts: SnapshotFacts & { readonly bytes: number },
  tookMs: number,
): void {
  const { height, epoch, stateRoot, accounts, entries, bytes, chunks, headHash, firstBlock, checkpoint } =
    facts;
  const { assumed } = facts;
  const value = {
    file,
    height: Number(height),
    epoch: Number(epoch),
    headHash: showHash(headHash),
    stateRoot: hex0x(stateRoot),
    accounts: Number(accounts),
    entries: Number(entries),
    bytes,
    chunks,
    firstBlock: Number(firstBlock),
    checkpoint: checkpoint === undefined ? null : Number(checkpoint),
    ...(assumed === undefined
      ? {}
      : { assumed: true, depth: assumed.depth, tip: Number(assumed.tip), work: assumed.work.toString() }),
  };
  out.result({ ...value, tookMs: Math.round(tookMs) }, [
    `${out.tick} ${verb}  height ${height}  accounts ${accounts}  ${showCount(bytes)} bytes in ${chunks} ${chunks === 1 ? "chunk" : "chunks"}   ${showDuration(tookMs)}`,
    `  head ${value.headHash}`,
    `  state root ${value.stateRoot}`,
    ...(assumed === undefined
      ? []
      : [
          `  assumed    ${assumed.depth} headers stand on it, ${assumed.work} expected hashes in all; it is checked when the blocks below were executed`,
        ]),
  ]);
}

/** A snapshot that is refused is a failed check; what else is wrong is wrong input. */
function mustBeValid<T>(
  verdict:
    | { readonly ok: true; readonly value: T }
    | { readonly ok: false; readonly fault: { readonly code: string; readonly detail: string } },
  file: string,
): T {
  if (verdict.ok) return verdict.value;
  const { code, detail } = verdict.fault;
  if (code === "has-blocks") return valueOrThrow({ ok: false, fault: verdict.fault });
  const exitCode: ExitCode = EXIT.failedCheck;
  const option = DECIDED_BY[code];
  const words = `${file}: NOT valid: ${detail}${option === undefined ? "" : `; see ${option}`}`;
  throw new CliError(exitCode, code.toUpperCase().replaceAll("-", "_"), words);
}

/** The options of these commands by which a reader decides otherwise. */
const DECIDED_BY: Readonly<Record<string, string>> = {
  "break-of-trust": "--accept-transition",
  "too-few-headers": "--depth",
};

function lockOf(path: string): { release(): void } {
  const lock = takeLock(path);
  if (lock.ok) return lock.value;
  const detail = `${lock.fault.detail}. A snapshot is exported and imported while the node is stopped`;
  throw new CliError(EXIT.busy, "LOCKED", detail);
}

function explained(error: unknown, { paths, file }: Work): unknown {
  if (error instanceof CliError) return error;
  const known = paths === undefined ? error : startErrorOf(error, paths);
  if (known !== error) return badInput((known as Error).message);
  const disk = diskError(namePath(error, file));
  if (disk?.exitCode === EXIT.disk) return disk;
  const problem = fileProblem(error);
  if (problem === undefined) return error;
  const path = String((error as NodeJS.ErrnoException).path);
  return new CliError(EXIT.badInput, "FILE", `${path}: ${problem}`, { cause: error });
}
