/** `quorate backup` and `quorate restore`: a home as one file, without its votes, and a home from such a file. */
import { randomBytes } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import type { Command } from "commander";
import { shellWord } from "../../base/shell-word.ts";
import { hasEpochs } from "../../chain/genesis/consensus-parameters.ts";
import { quorumOf } from "../../consensus/pbft/quorum.ts";
import { homePaths, loadGenesis } from "../../node/home/home.ts";
import { keyOfSeed, saveKey } from "../../node/home/key-file.ts";
import { takeLock } from "../../node/home/lock.ts";
import { markVoted } from "../../node/votes/vote-journal-home.ts";
import { peerIdFromSeed } from "../../p2p/transport/identity.ts";
import { namePath } from "../../storage/disk-fault.ts";
import { writeWhole } from "../../storage/durable-file.ts";
import { dirOption, leaf } from "../command.ts";
import { badInput, CliError, EXIT, valueOrThrow } from "../exit.ts";
import { fileProblem } from "../file-problem.ts";
import { type Output, showCount } from "../output.ts";

interface BackupOptions {
  readonly dir: string;
  readonly out: string;
  readonly withKeys?: boolean;
}

interface RestoreOptions {
  readonly dir: string;
}

const BACKUP_HELP = `
The node must be stopped. The file holds genesis, configuration, peers and the whole chain; with --with-keys also all keys,
as they lie (encrypted ones stay so): guard it as them. Votes are never in it. A running node makes snapshots by itself
(quorate snapshot), which hold the state alone. Nothing is overwritten.

Exit codes: 0 written, 2 wrong input or the file exists, 6 the node is running, 78 the disk cannot be used`;

const RESTORE_HELP = `
The folder must hold no node. Without keys in the backup it becomes a full node with a new peer id. With keys a validator
has lost its votes: start it with --recover-amnesia (of four or more validators), and see to it that the node which was backed up never runs again.
A backup proves nothing by itself (quorate verify executes its chain anew).

Exit codes: 0 restored, 1 the file is damaged, 2 wrong input or the folder is taken, 78 the disk cannot be used`;

export function addBackup(program: Command): void {
  leaf<BackupOptions>(
    program,
    "backup",
    "write a stopped node's home into one file, without its votes",
    (command) =>
      command
        .addOption(dirOption())
        .requiredOption("--out <file>", "the file; it must not exist")
        .option("--with-keys", "all keys of the home too")
        .addHelpText("after", BACKUP_HELP),
    ({ out, options }) => backup(out, options),
  );
  leaf<RestoreOptions>(
    program,
    "restore <file>",
    "make a node's home of a backup",
    (command) => command.addOption(dirOption()).addHelpText("after", RESTORE_HELP),
    ({ out, options, args: [file] }) => restore(out, options, file),
  );
}

async function backup(out: Output, { dir, out: file, withKeys = false }: BackupOptions): Promise<void> {
  const { writeBackup } = await import("../../node/home/backup.ts");
  if (!existsSync(homePaths(dir).genesis)) throw badInput(`${dir} is no node home`);
  const lock = takeLock(homePaths(dir).lock);
  if (!lock.ok) {
    const words = `${lock.fault.detail}. A backup is made while the node is stopped`;
    throw new CliError(EXIT.busy, "LOCKED", words);
  }
  try {
    const facts = valueOrThrow(await writeBackup(dir, file, withKeys).catch(explainFile(file, file)));
    out.result({ file, ...facts }, [
      `${out.tick} ${file}: height ${facts.height}, ${showCount(facts.bytes)} bytes, ${withKeys ? "with keys: guard it as them" : "without keys"}, without votes`,
    ]);
  } finally {
    lock.value.release();
  }
}

async function restore(out: Output, { dir }: RestoreOptions, file: string): Promise<void> {
  const { restoreBackup } = await import("../../node/home/backup.ts");
  if (!existsSync(file)) throw badInput(`${file}: not found`);
  const read = await restoreBackup(file, dir).catch(explainFile(file, dir));
  const facts = valueOrThrow(
    read,
    !read.ok && read.fault.code === "damaged" ? EXIT.failedCheck : EXIT.badInput,
  );
  const paths = homePaths(dir);
  const { genesis } = valueOrThrow(loadGenesis(paths.genesis));
  const isValidator = existsSync(paths.validatorKey);
  let peerId: string | undefined;
  if (!existsSync(paths.nodeKey)) {
    const key = keyOfSeed(new Uint8Array(randomBytes(32)));
    valueOrThrow(saveKey(paths.nodeKey, key));
    peerId = peerIdFromSeed(key.seed);
  }
  if (isValidator) await markVoted(paths);
  else followOnly(paths.config);
  const start = `quorate start --dir ${shellWord(dir)}`;
  const next = !isValidator
    ? [
        `  a full node: ${start}`,
        ...(peerId === undefined
          ? []
          : [
              `  its peer id is new: ${peerId}; the nodes it dials must let it in (peers.json, or quorate invite)`,
            ]),
      ]
    : hasEpochs(genesis.consensus)
      ? wayBack(start, genesis.validators.length)
      : [`  the validators of this chain never change, so this key votes no more: ${start} --mode full`];
  const warning = ["  the node that was backed up must never run again with these keys"];
  out.result({ dir, ...facts, isValidator, peerId: peerId ?? null }, [
    `${out.tick} ${dir}: height ${facts.height}, head ${facts.headHash}`,
    ...next,
    ...(facts.withKeys ? warning : []),
  ]);
}

/** How a key that has lost its votes comes back in. @param count the validators that genesis names */
function wayBack(start: string, count: number): string[] {
  if (count >= 4)
    return [`  a validator without its votes: ${start} --recover-amnesia; it votes again in a later epoch`];
  const { quorum } = quorumOf(count);
  const refused = `  a validator without its votes: with fewer than 4 validators (genesis names ${count}) none may be away, so --recover-amnesia is refused`;
  const follow = `  until it has another key it follows the chain: ${start} --mode full`;
  if (count - 1 >= quorum)
    return [refused, follow, "  the others give its seat another key by vote: quorate gov propose replace"];
  return [
    refused,
    follow,
    `  with ${quorum} of ${count} needed no vote passes without it: the operators sign a transition that gives its seat another key (quorate transition make --remove NAME --add NAME:KEY:ACCOUNT:PEERID; docs/operations.md, "Quorum lost")`,
  ];
}

/** A home without a validator's key cannot start as one. */
function followOnly(config: string): void {
  if (!existsSync(config)) return;
  const text = readFileSync(config, "utf8");
  writeWhole(config, text.replace(/^mode = "(validator|miner)"/m, 'mode = "full"'));
}

/** @param written what is written meanwhile, for an error that names no path */
function explainFile(file: string, written: string): (error: unknown) => never {
  return (error) => {
    const code = String((error as NodeJS.ErrnoException).code);
    const problem = ["ENOSPC", "EDQUOT", "EIO", "EROFS"].includes(code) ? undefined : fileProblem(error);
    throw problem === undefined
      ? namePath(error, written)
      : badInput(`${String((error as NodeJS.ErrnoException).path ?? file)}: ${problem}`);
  };
}
