/**
 * `quorate migrate`: the database of a stopped node brought to this release's format, as `start` does by itself; with
 * --check only what would be done is said, with --back the copy from before is put in place again.
 */
import { type Command, Option } from "commander";
import { DATABASE_VERSION } from "../../storage/database-keys.ts";
import { dirOption, leaf } from "../command.ts";
import { CliError, EXIT, Finished } from "../exit.ts";
import type { Output } from "../output.ts";
import { withBar, withDatabase, withStoppedHome } from "./stopped-home.ts";

interface MigrateOptions {
  readonly dir: string;
  readonly check?: boolean;
  readonly back?: boolean;
}

const HELP = `
The node of this folder must be stopped. "quorate start" migrates by itself; this is to do it ahead, to ask, or to go
back. A copy of the database as it was is kept beside it (data/db.format-N), as second names of the same files where the file
system has them: it costs little at first, more as the chain grows, and may be deleted when the new release has proved itself.

--back puts the copy in place again for the older release. Blocks since are fetched from peers; a validator's journal of
votes stays as it is, so it casts no vote before it has caught up.

Exit codes: 0 done or nothing to do, 2 no way from this format, 6 the node is running, 78 the disk failed`;

export function addMigrate(program: Command): void {
  leaf<MigrateOptions>(
    program,
    "migrate",
    "bring the database of a stopped node to this release's format, or back",
    (command) =>
      command
        .addOption(dirOption())
        .addOption(new Option("--check", "only say what would be done").conflicts("back"))
        .option("--back", "put back the copy that was made before the last migration")
        .addHelpText("after", HELP),
    ({ out, options }) => {
      if (options.check === true) return check(out, options.dir);
      return options.back === true ? back(out, options.dir) : migrate(out, options.dir);
    },
  );
}

async function check(out: Output, dir: string): Promise<void> {
  const { formatOf, stepsFrom } = await import("../../node/stored-chain/migrations.ts");
  const format = await withStoppedHome({ dir }, (home) => withDatabase(home, async (kv) => formatOf(kv)));
  if (format === undefined) throw new CliError(EXIT.badInput, "EMPTY", `${dir}: the database is empty`);
  const steps = stepsFrom(format);
  const shown = {
    format,
    current: DATABASE_VERSION,
    steps: (steps ?? []).map(({ from }) => from),
    possible: steps !== undefined,
  };
  out.result(shown, [
    steps === undefined
      ? `the database has format ${format}, this program reads ${DATABASE_VERSION}: it has no way from there`
      : steps.length === 0
        ? `${out.tick} the database has format ${format}, which this program reads: nothing to do`
        : `the database has format ${format}, this program reads ${DATABASE_VERSION}: ${steps.length} to do`,
    ...(steps ?? []).map(({ from, why }) => `  ${from} to ${from + 1}: ${why}`),
  ]);
  if (steps === undefined) throw new Finished(EXIT.badInput);
}

async function migrate(out: Output, dir: string): Promise<void> {
  const { openMigrated } = await import("../../node/stored-chain/migrate-database.ts");
  const migrated = await withStoppedHome({ dir }, ({ paths }) =>
    withBar(out, "migrating", async (progress) => {
      const opened = await openMigrated(paths, { progress: (_, done, total) => progress(done, total) });
      await opened.kv.close();
      return opened.migrated;
    }),
  );
  const { from, to, backup } = migrated ?? { from: DATABASE_VERSION, to: DATABASE_VERSION, backup: null };
  out.result(
    { from, to, backup },
    migrated === undefined
      ? `${out.tick} the database has format ${to} already`
      : `${out.tick} migrated from format ${from} to ${to}; the database as it was: ${backup}`,
  );
}

async function back(out: Output, dir: string): Promise<void> {
  const { restoreBackup } = await import("../../node/stored-chain/migrate-database.ts");
  const restored = await withStoppedHome({ dir }, ({ paths }) => restoreBackup(paths));
  if (!restored.ok) throw new CliError(EXIT.badInput, "MISSING", restored.fault.detail);
  out.result(
    { format: restored.value },
    `${out.tick} the database of format ${restored.value} is in place again: start the release that reads it`,
  );
}
