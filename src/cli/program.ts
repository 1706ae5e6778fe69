/**
 * The command line's composition: every command is declared in its own file and added here, and so are its options;
 * those of a node's settings are the table node/home/config-keys.ts. Commander's own
 * refusals (unknown command or option) exit with 2; a CliError with its code, an error of the disk too; anything else is broken (70), shown
 * in one line unless QUORATE_DEBUG=1.
 *
 * This folder: the command line: what all commands share, and a folder for each family of commands. Not here: what a
 * command orders; it only reads options, calls, and prints.
 */
import { Command, CommanderError, InvalidArgumentError } from "commander";
import { packageVersion } from "../node/home/package-version.ts";
import { CliError, diskError, EXIT, EXIT_HELP, Finished } from "./exit.ts";
import { printError, toJson } from "./output.ts";
import { print, printJson, printPage } from "./terminal.ts";

interface CommandFile {
  readonly names: readonly string[];
  readonly load: () => Promise<(program: Command) => void>;
}

/** The commands in the order of `quorate --help`. */
const COMMANDS: readonly CommandFile[] = [
  { names: ["devnet"], load: async () => (await import("./devnet/devnet.ts")).addDevnet },
  { names: ["start"], load: async () => (await import("./home/start.ts")).addStart },
  {
    names: ["status", "block", "account", "validators", "rpc"],
    load: async () => (await import("./chain/query.ts")).addQueries,
  },
  { names: ["peers"], load: async () => (await import("./chain/peers.ts")).addPeers },
  { names: ["explain", "evidence"], load: async () => (await import("./chain/explain.ts")).addExplain },
  { names: ["consensus"], load: async () => (await import("./chain/consensus.ts")).addConsensus },
  { names: ["top"], load: async () => (await import("./chain/top.ts")).addTop },
  { names: ["chain"], load: async () => (await import("./chain/branches.ts")).addBranches },
  { names: ["miner"], load: async () => (await import("./chain/miner.ts")).addMiner },
  { names: ["tx"], load: async () => (await import("./tx/tx.ts")).addTx },
  { names: ["module"], load: async () => (await import("./module/module.ts")).addModule },
  { names: ["gov"], load: async () => (await import("./gov/gov.ts")).addGov },
  {
    names: ["transition"],
    load: async () => (await import("./gov/transition.ts")).addTransition,
  },
  { names: ["anchor"], load: async () => (await import("./tx/anchor.ts")).addAnchor },
  { names: ["verify"], load: async () => (await import("./home/verify.ts")).addVerify },
  { names: ["index"], load: async () => (await import("./indexer/indexer.ts")).addIndex },
  { names: ["export", "import"], load: async () => (await import("./home/blocks.ts")).addBlocks },
  { names: ["rollback"], load: async () => (await import("./home/rollback.ts")).addRollback },
  { names: ["migrate"], load: async () => (await import("./home/migrate.ts")).addMigrate },
  { names: ["compact", "reindex"], load: async () => (await import("./home/database.ts")).addDatabase },
  { names: ["inspect"], load: async () => (await import("./home/inspect.ts")).addInspect },
  { names: ["snapshot"], load: async () => (await import("./home/snapshot.ts")).addSnapshot },
  {
    names: ["backup", "restore"],
    load: async () => (await import("./home/backup.ts")).addBackup,
  },
  { names: ["headers"], load: async () => (await import("./chain/headers.ts")).addHeaders },
  { names: ["invite"], load: async () => (await import("./home/invite.ts")).addInvite },
  { names: ["join"], load: async () => (await import("./home/join.ts")).addJoin },
  { names: ["init"], load: async () => (await import("./home/init.ts")).addInit },
  { names: ["testnet"], load: async () => (await import("./home/testnet.ts")).addTestnet },
  { names: ["keys", "node-id"], load: async () => (await import("./home/keys.ts")).addKeys },
  { names: ["signer"], load: async () => (await import("./home/signer.ts")).addSigner },
  { names: ["genesis"], load: async () => (await import("./home/genesis.ts")).addGenesis },
  { names: ["config"], load: async () => (await import("./home/config.ts")).addConfig },
  { names: ["reset"], load: async () => (await import("./home/reset.ts")).addReset },
  { names: ["doctor"], load: async () => (await import("./home/doctor.ts")).addDoctor },
  { names: ["diagnose"], load: async () => (await import("./home/diagnose.ts")).addDiagnose },
  { names: ["debug"], load: async () => (await import("./home/debug.ts")).addDebug },
  { names: ["sim"], load: async () => (await import("./sim/sim.ts")).addSim },
  { names: ["lab"], load: async () => (await import("./lab/lab.ts")).addLab },
  { names: ["bench"], load: async () => (await import("./bench/bench.ts")).addBench },
  { names: ["completion"], load: async () => (await import("./completion.ts")).addCompletion },
  { names: ["man"], load: async () => (await import("./man-page.ts")).addMan },
  { names: ["version"], load: async () => (await import("./version.ts")).addVersion },
];

/** @param words is the command line: only the files of the command that it names are loaded, for the version none. */
export async function buildProgram(words: readonly string[]): Promise<Command> {
  const program = new Command("quorate")
    .description("A blockchain node: PBFT finality for known organisations, or proof of work for anyone.")
    .version(packageVersion(), "-V, --version")
    .helpCommand(true)
    .configureHelp({ showGlobalOptions: false })
    .addHelpText("after", EXIT_HELP)
    .configureOutput({
      writeOut: (page) => printPage("stdout", page),
      writeErr: (page) => printPage("stderr", page),
      outputError: (words) => print("stderr", linesOfUsage(words)),
    });
  program.exitOverride();
  for (const { load } of commandsFor(words[0] ?? "")) (await load())(program);
  return program;
}

function commandsFor(word: string): readonly CommandFile[] {
  if (word === "-V" || word === "--version") return [];
  const named = COMMANDS.filter(({ names }) => names.includes(word));
  return named.length > 0 ? named : COMMANDS;
}

/** Runs one command line and says with which code the process should end. */
export async function run(program: Command, words: readonly string[]): Promise<number> {
  try {
    await program.parseAsync([...words], { from: "user" });
    return EXIT.ok;
  } catch (error) {
    if (error instanceof Finished) return error.exitCode;
    if (error instanceof CommanderError && error.exitCode === 0) return EXIT.ok;
    // Of a parser that an action called: commander has told nobody.
    if (error instanceof InvalidArgumentError) print("stderr", [error.message]);
    if (error instanceof CommanderError) return endUsage(error, words.includes("--json"));
    const reason = error instanceof Error ? error : new Error(String(error));
    const known = reason instanceof CliError ? reason : diskError(reason);
    printError(known ?? reason, words.includes("--json"));
    return known?.exitCode ?? EXIT.broken;
  }
}

/** What commander says of a wrong command line repeats words of it, and adds lines of its own at the end. */
function linesOfUsage(words: string): readonly string[] {
  const text = words.trimEnd();
  const at = text.lastIndexOf(HINT);
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at).trimStart()];
}

const HINT = "\n(Did you mean ";

/** Commander has told the person already. */
function endUsage(error: CommanderError, json: boolean): number {
  const message = error.message.replace(/^error: /, "");
  if (json) printJson(toJson({ error: { code: "USAGE", message, exitCode: EXIT.badInput } }));
  return EXIT.badInput;
}
