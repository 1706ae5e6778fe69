/**
 * The key that takes a validator's seat by a vote. It waits as keys/validator-next.json beside the one that votes, and takes
 * that one's place once it has the seat; the old one is kept under a name of its own. A crash between any two steps
 * leaves a home with a whole keys/validator.json, and the same call finishes what was begun.
 */
import { existsSync, readdirSync, renameSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { type Address, equalBytes, hex0x } from "../../base/bytes.ts";
import { accept, refuse, type Verdict } from "../../base/fault.ts";
import { syncDirectory, writeDurably } from "../../storage/durable-file.ts";
import type { HomePaths } from "./home.ts";
import { type KeyFault, loadPublicKey } from "./key-file.ts";
import { readTextFile } from "./text-file.ts";

type KeyPaths = Pick<HomePaths, "validatorKey" | "nextValidatorKey">;

/** Whose the waiting key is, or undefined where none waits. */
export function nextPublicKey({ nextValidatorKey: path }: KeyPaths): Verdict<Address | undefined, KeyFault> {
  if (!existsSync(path)) return accept(undefined);
  const found = loadPublicKey(path);
  return found.ok ? accept(found.value.publicKey) : found;
}

/**
 * The waiting key becomes keys/validator.json. No process may sign with the old one any more.
 * @returns where the old key is now
 * @throws Error when the disk fails
 */
export async function takeNextKey(paths: KeyPaths): Promise<Verdict<string, KeyFault | "exists">> {
  const { validatorKey, nextValidatorKey } = paths;
  if (!existsSync(nextValidatorKey))
    return refuse("missing", `${nextValidatorKey}: there is no such key file`);
  const text = readTextFile(validatorKey);
  if (!text.ok) return text;
  const old = loadPublicKey(validatorKey);
  if (!old.ok) return old;
  const kept = oldKeyPath(validatorKey, old.value.publicKey);
  const there = existsSync(kept) ? loadPublicKey(kept) : undefined;
  if (there?.ok === true && !equalBytes(there.value.publicKey, old.value.publicKey))
    return refuse("exists", `${kept}: holds another key; a key is never overwritten, move it away first`);
  // Also over a copy that is no key: a loss of power left it torn.
  if (there?.ok !== true) await writeDurably(kept, text.value);
  renameSync(nextValidatorKey, validatorKey);
  await syncDirectory(dirname(validatorKey));
  return accept(kept);
}

export interface OldKey {
  readonly file: string;
  readonly publicKey: Address;
}

/** Keys that have had the seat and are kept. One that cannot be read is left out. */
export function oldKeys({ validatorKey }: KeyPaths): OldKey[] {
  const folder = dirname(validatorKey);
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((name) => OLD_NAME.test(name))
    .sort()
    .flatMap((name) => {
      const file = join(folder, name);
      const found = loadPublicKey(file);
      return found.ok ? [{ file, publicKey: found.value.publicKey }] : [];
    });
}

const OLD_NAME = /^validator-old-[0-9a-f]{8}\.json$/;

function oldKeyPath(validatorKey: string, publicKey: Address): string {
  const stem = basename(validatorKey, ".json");
  return join(dirname(validatorKey), `${stem}-old-${hex0x(publicKey).slice(2, 10)}.json`);
}
