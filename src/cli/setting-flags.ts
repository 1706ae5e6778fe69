/**
 * A flag for every setting of a node, from the one table of settings: what stands on the command line goes before
 * QUORATE_* variables, these before config.toml. `start` runs by them, `config show` shows what it would run by.
 */
import { type Command, Option } from "commander";
import { hex0x } from "../base/bytes.ts";
import { type ConfigSources, flagOf } from "../node/home/config.ts";
import { CONFIG_KEYS, type ConfigKey, type KeySpec } from "../node/home/config-keys.ts";
import { DEFAULT_DEVNET_DIR } from "./devnet/devnet-dir.ts";
import { badInput } from "./exit.ts";
import { resolveAddress } from "./tx/names.ts";

export type SettingFlags = NonNullable<ConfigSources["flags"]>;

const KEYS = Object.keys(CONFIG_KEYS) as ConfigKey[];
const HELP_GROUP = "Settings (before QUORATE_* variables and config.toml):";

/** What follows a flag, where it is not any value. */
const VALUES: { readonly [K in ConfigKey]?: string } = {
  mode: "<mode>",
  "mining.threads": "[threads]",
  "mining.coinbase": "<account>",
  "index.events": "[boolean]",
  "modules.fetch": "[boolean]",
};

export function addSettingFlags(command: Command): Command {
  for (const key of KEYS) {
    const { doc }: KeySpec = CONFIG_KEYS[key];
    const option = new Option(`${flagOf(key)} ${VALUES[key] ?? "<value>"}`, doc);
    command.addOption(option.helpGroup(HELP_GROUP));
  }
  return command;
}

/** What the command line says of settings. An account may be a name or a key file there. @throws CliError */
export async function settingsOf(options: object, dir: string): Promise<SettingFlags> {
  const given = options as Readonly<Record<string, unknown>>;
  const flags: { [K in ConfigKey]?: string } = {};
  for (const key of KEYS) {
    const value = given[new Option(flagOf(key)).attributeName()];
    if (typeof value === "string") flags[key] = value;
    if (value === true && (key === "index.events" || key === "modules.fetch")) flags[key] = "true";
  }
  if (given.mine !== undefined) flags.mode = minerMode(flags.mode);
  const coinbase = flags["mining.coinbase"];
  if (coinbase !== undefined && coinbase !== "" && !coinbase.startsWith("0x")) {
    const { address } = await resolveAddress(coinbase, { dir, devnet: DEFAULT_DEVNET_DIR });
    flags["mining.coinbase"] = hex0x(address);
  }
  return flags;
}

/** --mine, with or without a number of threads, is short for mode miner. */
function minerMode(mode: string | undefined): string {
  if (mode === undefined || mode === "miner") return "miner";
  throw badInput(`--mine is mode miner: leave out --mode ${mode}`);
}
