/**
 * How every command of this program is declared: its options, plus --json, -q and --no-color, and an action that
 * gets an Output. The adapter for commander's quirks; the commands themselves are in the files beside it.
 */
import { type Command, Option } from "commander";
import { devnetOption, findNodes } from "./devnet/devnet-lookup.ts";
import { Output, type OutputOptions } from "./output.ts";
import { RenamedOption, settleRenamed } from "./renamed.ts";

// biome-ignore lint/suspicious/noExplicitAny: commander types arguments as any
export type Arguments = any[];

export type Action<Options> = (context: {
  out: Output;
  options: Options;
  /** The arguments as the usage declares them. A variadic one is an array, and an absent optional one is undefined. */
  args: Arguments;
}) => Promise<void> | void;

/** A command with the options that all have. `usage` is "name <argument> [argument]". */
export function leaf<Options extends object>(
  parent: Command,
  usage: string,
  description: string,
  declare: (command: Command) => Command,
  action: Action<Options>,
): Command {
  const command = declare(parent.command(usage).description(description));
  addOutputOptions(command);
  const has = (long: string) => command.options.some((option) => option.long === long);
  if (has("--rpc") && !has("--devnet")) command.addOption(devnetOption());
  for (const option of command.options) if (option instanceof RenamedOption) option.forward(command);
  return command.action(async (...received: unknown[]) => {
    // commander hands over (...arguments, options, command); the global options stand on the parents.
    const options = command.optsWithGlobals() as Options & OutputOptions;
    const out = new Output(options);
    settleRenamed(command, options, (text) => out.warn(text));
    await findNodes(out, command, options);
    await action({ out, options, args: received.slice(0, -2) });
  });
}

export function group(parent: Command, name: string, description: string): Command {
  return parent.command(name).description(description);
}

function addOutputOptions(command: Command): void {
  command
    .option("--json", "print one JSON object (or one a line)")
    .option("-q, --quiet", "print the result only")
    .option("--no-color", "print without colours");
}

const DEFAULT_DIR = ".quorate";

export function dirOption(): Option {
  return new Option("--dir <dir>", "folder of the node").env("QUORATE_DIR").default(DEFAULT_DIR);
}
