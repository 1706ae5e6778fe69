/** Opens the database of an index, and says in words and exit codes what failed. */
import { SafetyViolation } from "../../chain/chain.ts";
import { NodeGone, WrongNode } from "../../indexer/block-source.ts";
import { WrongInput } from "../../indexer/index-session.ts";
import { openDatabase } from "../../indexer/open-database.ts";
import { type SqlDatabase, sqlStateOf, WrongDatabase } from "../../indexer/sql-database.ts";
import { badInput, CliError, diskError, EXIT } from "../exit.ts";
import { unreachableError } from "../rpc.ts";
import { folderOf, type PlaceOptions } from "./index-place.ts";

/** @throws CliError when the URL is none, or the database cannot be opened */
export async function openPlace(options: PlaceOptions): Promise<SqlDatabase> {
  const { to } = options;
  if (to !== undefined && !/^postgres(ql)?:\/\//.test(to)) {
    throw badInput(`--to: expected a URL such as postgres://user:password@host:5432/database`);
  }
  return openDatabase({ url: to, folder: folderOf(options) });
}

/** What a command of an index ends with. */
export function indexError(error: unknown, { to }: PlaceOptions): unknown {
  if (error instanceof CliError) return error;
  if (error instanceof WrongDatabase) {
    return new CliError(error.code === "IN_USE" ? EXIT.busy : EXIT.badInput, error.code, error.message, {
      cause: error,
    });
  }
  if (error instanceof WrongNode) {
    const exit =
      error.code === "INVALID_BLOCK" || error.code === "MALFORMED" ? EXIT.failedCheck : EXIT.badInput;
    return new CliError(error.code === "PRUNED" ? EXIT.refused : exit, error.code, error.message, {
      cause: error,
    });
  }
  if (error instanceof SafetyViolation) {
    return new CliError(EXIT.failedCheck, "SAFETY_VIOLATION", error.message, { cause: error });
  }
  if (error instanceof NodeGone) return unreachableError(error.cause);
  if (error instanceof WrongInput) return badInput(error.message);
  const state = sqlStateOf(error);
  const words = error instanceof Error ? databaseWords(error, state) : undefined;
  if (words === undefined) return diskError(error) ?? error;
  const message = `${to === undefined ? "the embedded database" : `--to ${withoutPassword(to)}`}: ${words}`;
  return new CliError(state === undefined ? EXIT.unreachable : EXIT.badInput, state ?? "DATABASE", message, {
    cause: error,
  });
}

function databaseWords(error: Error, state: string | undefined): string | undefined {
  const { code, errors } = error as NodeJS.ErrnoException & { errors?: readonly Error[] };
  const said = error.message === "" ? (errors?.[0]?.message ?? String(code)) : error.message;
  if (state === "28P01" || state === "28000") return `${said} (PGPASSWORD or the URL gives the password)`;
  if (state === "3D000") return `${said}; make it with: createdb NAME`;
  if (state === "42501") return `${said}; its owner has to grant it`;
  if (state !== undefined) return `${said} (SQLSTATE ${state})`;
  if (
    code === "ECONNREFUSED" ||
    code === "ENOTFOUND" ||
    code === "ETIMEDOUT" ||
    /timeout expired|terminated/.test(said)
  ) {
    return `no PostgreSQL server answers there (${said})`;
  }
  return undefined;
}

function withoutPassword(url: string): string {
  return url.replace(/^([a-z]+:\/\/[^:/@]*):[^@]*@/, "$1:***@");
}
