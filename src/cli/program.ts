/**
 * The command line's composition: every command is declared in its own file and added here. Commander's own
 * refusals (unknown command or option) exit with 2; a CliError with its code; anything else is broken (70), shown
 * in one line unless QUORATE_DEBUG=1.
 */
import { Command, CommanderError } from "commander";
import { addConfig } from "./config.ts";
import { CliError, EXIT, EXIT_HELP } from "./exit.ts";
import { addGenesis } from "./genesis.ts";
import { addInit } from "./init.ts";
import { addKeys } from "./keys.ts";
import { printError } from "./output.ts";
import { addTestnet } from "./testnet.ts";
import { addVersion, packageVersion } from "./version.ts";

export function buildProgram(): Command {
  const program = new Command("quorate")
    .description("A permissioned blockchain node: PBFT finality for known organisations.")
    .version(packageVersion(), "-V, --version")
    .helpCommand(true)
    .configureHelp({ showGlobalOptions: false })
    .addHelpText("after", EXIT_HELP);
  program.exitOverride();
  for (const add of [addInit, addTestnet, addKeys, addGenesis, addConfig, addVersion]) {
    add(program);
  }
  return program;
}

/** Runs one command line and says with which code the process should end. */
export async function run(program: Command, words: readonly string[]): Promise<number> {
  try {
    await program.parseAsync([...words], { from: "user" });
    return EXIT.ok;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.badInput;
    const known = error instanceof CliError;
    printError(error instanceof Error ? error : new Error(String(error)), words.includes("--json"));
    return known ? error.exitCode : EXIT.broken;
  }
}
