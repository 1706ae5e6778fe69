/**
 * What keeps a node from starting, in one line that says what to do: everything that can be wrong with a home, a
 * disk or a key and that a person has to decide about. It knows nothing of how the line is shown.
 */
import { existsSync } from "node:fs";
import type { Fault } from "../../base/fault.ts";
import { shellWord } from "../../base/shell-word.ts";
import { UnfitDatabase } from "../../chain/store.ts";
import { DamagedDatabase } from "../../storage/level-checks.ts";
import type { HomePaths } from "./home.ts";

export class StartError extends Error {
  override readonly name = "StartError";
  readonly code: string;

  constructor(fault: Fault, options?: ErrorOptions) {
    super(fault.detail, options);
    this.code = fault.code;
  }
}

/** A person has to decide about a database that is damaged or another's: said like all else that is wrong with a home. */
export function startErrorOf(error: unknown, { genesis, db }: Pick<HomePaths, "genesis" | "db">): unknown {
  if (error instanceof DamagedDatabase) {
    return new StartError({ code: "damaged-database", detail: error.message }, { cause: error });
  }
  if (!(error instanceof UnfitDatabase)) return error;
  const detail = error.code === "wrong-genesis" ? `${genesis}: ${error.message}` : `${db}: ${error.message}`;
  return new StartError({ code: error.code, detail }, { cause: error });
}

/** @throws StartError `half-imported`: the import of a snapshot was broken off, and nobody said what to do instead. */
export function checkImport({ dir, dbImport }: Pick<HomePaths, "dir" | "dbImport">): void {
  if (!existsSync(dbImport)) return;
  const detail =
    `${dbImport}: the import of a snapshot was not finished. Import it again (quorate snapshot import FILE --dir ${shellWord(dir)}), ` +
    `or begin without it: quorate reset --dir ${shellWord(dir)} --yes`;
  throw new StartError({ code: "half-imported", detail });
}
