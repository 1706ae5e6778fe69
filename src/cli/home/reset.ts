/**
 * `quorate reset`: deletes what a node can get again from its peers, the chain and the logs. What nobody can give
 * back goes only when it is named: the votes of the validator's key, without which it could vote twice, and the
 * home itself with its keys. Keys of accounts are never touched. It asks nobody and needs --yes.
 */
import { existsSync, readdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Command } from "commander";
import { type HomePaths, homePaths } from "../../node/home/home.ts";
import { stampPath } from "../../node/home/home-stamp.ts";
import { takeLock } from "../../node/home/lock.ts";
import { dirOption, leaf } from "../command.ts";
import { badInput, EXIT, valueOrThrow } from "../exit.ts";
import type { Output } from "../output.ts";

interface ResetOptions {
  readonly dir: string;
  readonly yes?: boolean;
  readonly votes?: boolean;
  readonly keys?: boolean;
}

export function addReset(program: Command): void {
  leaf<ResetOptions>(
    program,
    "reset",
    "delete a node's chain and logs; keys, votes and configuration stay",
    (command) =>
      command
        .addOption(dirOption())
        .option("--yes", "delete it; without this word nothing is deleted")
        .option("--votes", "also the validator's votes: only when all nodes of the network start over")
        .option("--keys", "also node key, validator key, votes, genesis and configuration: the whole home"),
    ({ out, options }) => reset(out, options),
  );
}

function reset(out: Output, options: ResetOptions): void {
  const paths = homePaths(options.dir);
  if (!existsSync(paths.genesis)) throw badInput(`${options.dir} is no node home: nothing was deleted`);
  const deleted = deletedBy(options, paths).filter((path) => existsSync(path));
  if (!options.yes) {
    const list = deleted.length === 0 ? "nothing" : deleted.join(", ");
    throw badInput(`this would delete ${list}; say --yes to do it. Nothing was deleted`);
  }
  const lock = valueOrThrow(takeLock(paths.lock), EXIT.busy);
  try {
    for (const path of deleted) rmSync(path, { recursive: true, force: true });
  } finally {
    lock.release();
  }
  const kept = [...filesIn(dirname(paths.nodeKey)), ...[paths.journal].filter((path) => existsSync(path))];
  const stays = kept.length === 0 ? [] : [`  kept: ${kept.join(", ")}`];
  out.result({ deleted: deleted, kept }, [
    `${out.tick} deleted ${deleted.length === 0 ? "nothing: there was nothing" : deleted.join(", ")}`,
    ...stays,
  ]);
}

function deletedBy({ votes, keys }: ResetOptions, paths: HomePaths): readonly string[] {
  const { db, dbImport, dbHistory, dbRebuilt, dbReplaced, snapshots, snapshotFetch, logs, pid } = paths;
  // Snapshots are of the chain that goes: a new one may be another.
  const chain = [db, dbImport, dbHistory, dbRebuilt, dbReplaced, snapshots, snapshotFetch, logs, pid];
  const mark = `${paths.validatorKey}.voted`;
  const voted = [paths.journal, mark];
  if (keys) {
    const home = [paths.genesis, paths.config, paths.peers, paths.nodeKey, paths.validatorKey];
    return [join(paths.dir, "data"), ...chain.slice(1), mark, stampPath(paths), ...home];
  }
  return votes ? [...chain, ...voted] : chain;
}

function filesIn(folder: string): readonly string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((name) => name.endsWith(".json"))
    .sort()
    .map((name) => join(folder, name));
}
