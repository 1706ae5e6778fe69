/** Options that the commands of an index share: where its database is, and its tables in it. */
import { type Command, Option } from "commander";
import { badInput } from "../exit.ts";

export interface PlaceOptions {
  readonly to?: string;
  readonly out?: string;
  readonly schema?: string;
}

const DEFAULT_FOLDER = ".quorate-index";
const DEFAULT_SCHEMA = "quorate";

export function placeOptions(command: Command): Command {
  return command
    .addOption(
      new Option(
        "--to <url>",
        "PostgreSQL server: postgres://user@host/database (default: a database embedded in this program)",
      ).env("QUORATE_INDEX_TO"),
    )
    .option("--out <dir>", `folder of the embedded database and of the ledger (default: "${DEFAULT_FOLDER}")`)
    .option("--schema <name>", `schema of the tables (default: "${DEFAULT_SCHEMA}")`);
}

export function folderOf({ out = DEFAULT_FOLDER }: PlaceOptions): string {
  return out;
}

export function schemaOf({ schema = DEFAULT_SCHEMA }: PlaceOptions): string {
  if (/^[A-Za-z_][A-Za-z0-9_]{0,62}$/.test(schema)) return schema;
  throw badInput(`--schema ${schema}: expected a letter, then letters, digits and underscores, at most 63`);
}
