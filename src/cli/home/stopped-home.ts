/**
 * What commands on a stopped node's home have in common: the genesis with its modules, the home's lock for as long as
 * they work, the database, and what is wrong with any of these in words and exit codes.
 */
import { existsSync } from "node:fs";
import type { Fault, Verdict } from "../../base/fault.ts";
import type { Genesis } from "../../chain/genesis/genesis.ts";
import { type HomePaths, homePaths, loadGenesis } from "../../node/home/home.ts";
import { takeLock } from "../../node/home/lock.ts";
import { checkImport, startErrorOf } from "../../node/home/start-error.ts";
import type { DiskKv } from "../../storage/kv.ts";
import { startBar } from "../bar.ts";
import { badInput, CliError, EXIT, valueOrThrow } from "../exit.ts";
import { fileProblem } from "../file-problem.ts";
import type { Output } from "../output.ts";

export interface StoppedHome {
  readonly paths: HomePaths;
  readonly genesis: Genesis;
}

export interface StoppedOptions {
  readonly dir: string;
  /** Whether an empty home, which was never started, will do. */
  readonly mayBeNew?: boolean;
}

/**
 * Runs `use` while no node can start on the home.
 * @throws CliError 6 while a node runs, 2 for a home that cannot be read
 */
export async function withStoppedHome<T>(
  { dir, mayBeNew = false }: StoppedOptions,
  use: (home: StoppedHome) => Promise<T>,
): Promise<T> {
  const paths = homePaths(dir);
  const loaded = valueOrThrow(loadGenesis(paths.genesis));
  const { loadModules } = await import("../../node/modules/module-files.ts");
  const genesis = valueOrThrow(loadModules(loaded.genesis, paths.modules));
  const lock = takeLock(paths.lock);
  if (!lock.ok) {
    throw new CliError(EXIT.busy, "LOCKED", `${lock.fault.detail}. This is done while the node is stopped`);
  }
  try {
    checkImport(paths);
    const { settleReplaced } = await import("../../node/stored-chain/replace-database.ts");
    settleReplaced(paths);
    if (!mayBeNew && !existsSync(paths.db))
      throw new CliError(
        EXIT.badInput,
        "MISSING",
        `${paths.db}: not found; this node has never been started`,
      );
    return await use({ paths, genesis });
  } catch (error) {
    throw explained(error, paths);
  } finally {
    lock.value.release();
  }
}

/** @throws Error when it is damaged or another process has it */
export async function withDatabase<T>({ paths }: StoppedHome, use: (kv: DiskKv) => Promise<T>): Promise<T> {
  const [{ openLevel }, { makeFolder }] = await Promise.all([
    import("../../storage/level.ts"),
    import("../../storage/durable-file.ts"),
  ]);
  makeFolder(paths.db);
  const kv = await openLevel(paths.db);
  try {
    return await use(kv);
  } finally {
    await kv.close();
  }
}

export type ShowProgress = (done: number, total: number) => void;

/** Shows a bar on a terminal while `run` works. */
export async function withBar<T>(
  out: Output,
  verb: string,
  run: (progress: ShowProgress) => Promise<T>,
): Promise<T> {
  let bar: ReturnType<typeof startBar>;
  let isBegun = false;
  try {
    return await run((done, total) => {
      if (!isBegun) bar = startBar(out, total, `${verb} {bar} {value}/{total} blocks  {duration_formatted}`);
      isBegun = true;
      bar?.update(done);
    });
  } finally {
    bar?.stop();
  }
}

/** Faults of which the content of a file or of a database is to blame are a failed check (1), others wrong input (2). */
export function checkedOrThrow<T>(verdict: Verdict<T>, inputCodes: readonly string[], what = ""): T {
  if (verdict.ok) return verdict.value;
  const { code, detail } = verdict.fault;
  const exitCode = inputCodes.includes(code) ? EXIT.badInput : EXIT.failedCheck;
  throw new CliError(exitCode, codeOf(verdict.fault), what === "" ? detail : `${what}: ${detail}`);
}

function codeOf({ code }: Fault): string {
  return code.toUpperCase().replaceAll("-", "_");
}

function explained(error: unknown, paths: HomePaths): unknown {
  if (error instanceof CliError) return error;
  const known = startErrorOf(error, paths);
  if (known instanceof Error && known.name === "StartError") {
    const { code } = known as Error & { readonly code: string };
    return new CliError(EXIT.badInput, codeOf({ code, detail: "" }), known.message, { cause: error });
  }
  const problem = fileProblem(error);
  if (problem === undefined || !isMissingFile(error)) return error;
  return badInput(`${(error as NodeJS.ErrnoException).path}: ${problem}`);
}

/** Other errors of the disk have their words and exit code already (cli/program.ts). */
function isMissingFile(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === "ENOENT";
}
