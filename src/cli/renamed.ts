/**
 * Options by their old names. They are taken as before and not in the help; a line says what they are called now.
 * The vocabulary is the same in all commands: --dir is a node's home, --devnet a devnet's folder, --out where a
 * command writes, -n a number of nodes.
 */
import type { EventEmitter } from "node:events";
import { type Command, Option } from "commander";
import { must } from "../base/assert.ts";
import { badInput } from "./exit.ts";

/** An old name, and the long flag that has its place. */
export class RenamedOption extends Option {
  readonly now: string;
  /** How often the new name stood on the command line itself. */
  #direct = 0;
  #isUsed = false;
  #isForwarding = false;

  /**
   * @param flags the old ones, such as "--output <dir>"
   * @param now the new one, such as "--out", which the command has
   */
  constructor(flags: string, now: string) {
    super(flags);
    this.now = now;
    this.hideHelp();
  }

  /** Hands over what stands behind the old name, to be parsed as the new one's. To be called once for a command. */
  forward(command: Command): void {
    const target = must(
      command.options.find((option) => option.long === this.now),
      "the command has the option by its new name",
    );
    command.on(`option:${this.name()}`, (value: string) => {
      this.#isUsed = true;
      this.#isForwarding = true;
      (command as unknown as EventEmitter).emit(`option:${target.name()}`, value);
      this.#isForwarding = false;
    });
    command.on(`option:${target.name()}`, () => {
      if (!this.#isForwarding) this.#direct++;
    });
  }

  /** What to say, if the old name was used. @throws CliError when both were */
  warning(): string | undefined {
    if (!this.#isUsed) return undefined;
    const old = this.long ?? this.short;
    if (this.#direct > 0) throw badInput(`${old} is called ${this.now} now: give it once`);
    return `${old} is called ${this.now} now`;
  }
}

/** The old names of a command's options, told by `warn` where they were used, and gone from its `options`. */
export function settleRenamed(command: Command, options: object, warn: (text: string) => void): void {
  // commander takes an option of a parent behind the subcommand too.
  for (let at: Command | null = command; at !== null; at = at.parent) {
    for (const option of at.options) {
      if (!(option instanceof RenamedOption)) continue;
      Reflect.deleteProperty(options, option.attributeName());
      const warning = option.warning();
      if (warning !== undefined) warn(warning);
    }
  }
}
