/**
 * The command line's composition: every command is declared in its own file and added here. Commander's own
 * refusals (unknown command or option) exit with 2; a CliError with its code; anything else is broken (70), shown
 * in one line unless QUORATE_DEBUG=1.
 */
import { Command, CommanderError } from "commander";
import { packageVersion } from "../node/version.ts";
import { addAnchor } from "./anchor.ts";
import { addConfig } from "./config.ts";
import { addConsensus } from "./consensus.ts";
import { addDevnet } from "./devnet.ts";
import { CliError, EXIT, EXIT_HELP, Finished } from "./exit.ts";
import { addGenesis } from "./genesis.ts";
import { addInit } from "./init.ts";
import { addKeys } from "./keys.ts";
import { printError } from "./output.ts";
import { addQueries } from "./query.ts";
import { addStart } from "./start.ts";
import { addTestnet } from "./testnet.ts";
import { addTx } from "./tx.ts";
import { addVersion } from "./version.ts";

/** In the order of `quorate --help`. */
const COMMANDS: readonly ((program: Command) => void)[] = [
  addDevnet,
  addStart,
  addQueries,
  addConsensus,
  addTx,
  addAnchor,
  addInit,
  addTestnet,
  addKeys,
  addGenesis,
  addConfig,
  addVersion,
];

export function buildProgram(): Command {
  const program = new Command("quorate")
    .description("A permissioned blockchain node: PBFT finality for known organisations.")
    .version(packageVersion(), "-V, --version")
    .helpCommand(true)
    .configureHelp({ showGlobalOptions: false })
    .addHelpText("after", EXIT_HELP);
  program.exitOverride();
  for (const add of COMMANDS) add(program);
  return program;
}

/** Runs one command line and says with which code the process should end. */
export async function run(program: Command, words: readonly string[]): Promise<number> {
  try {
    await program.parseAsync([...words], { from: "user" });
    return EXIT.ok;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.badInput;
    if (error instanceof Finished) return error.exitCode;
    const known = error instanceof CliError;
    printError(error instanceof Error ? error : new Error(String(error)), words.includes("--json"));
    return known ? error.exitCode : EXIT.broken;
  }
}
