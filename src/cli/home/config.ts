/** `quorate config show`: what a node would run with, and where each value comes from. Starts nothing. */
import { existsSync } from "node:fs";
import type { Command } from "commander";
import { loadConfig } from "../../node/home/config.ts";
import { homePaths } from "../../node/home/home.ts";
import { readTextFile } from "../../node/home/text-file.ts";
import { dirOption, group, leaf } from "../command.ts";
import { valueOrThrow } from "../exit.ts";
import { addSettingFlags, settingsOf } from "../setting-flags.ts";
import { table } from "../table.ts";

interface ShowOptions {
  readonly dir: string;
  readonly origin?: boolean;
}

export function addConfig(program: Command): void {
  leaf<ShowOptions>(
    group(program, "config", "look at a node's configuration"),
    "show",
    "show every value: flags over QUORATE_* over config.toml over defaults",
    (command) =>
      addSettingFlags(command.addOption(dirOption()).option("--origin", "say where each value comes from")),
    async ({ out, options }) => {
      const path = homePaths(options.dir).config;
      const file = existsSync(path) ? valueOrThrow(readTextFile(path)) : undefined;
      if (file === undefined) out.warn(`${path}: not found, showing defaults and QUORATE_* variables`);
      const flags = await settingsOf(options, options.dir);
      const { origins, skipped } = valueOrThrow(loadConfig({ file, environment: process.env, flags }));
      if (skipped !== undefined) out.warn(skipped);
      const rows = origins.map(({ key, value, origin }) => [key, JSON.stringify(value), origin]);
      out.result(
        Object.fromEntries(origins.map(({ key, value, origin }) => [key, { value, origin }])),
        options.origin
          ? table(["key", "value", "origin"], rows)
          : rows.map(([key, value]) => `${key} = ${value}`),
      );
    },
  );
}
