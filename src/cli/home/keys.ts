/**
 * `quorate keys`: account keys as files in <dir>/keys, plain or under a password. A key is shown by its address, which
 * needs no password; the secret is printed by `export` alone. A file is never overwritten, but by `change-password`. Random bytes come from node:crypto. `quorate node-id`: who a node is
 * to its peers, from keys/node.json.
 */
import { randomBytes } from "node:crypto";
import { existsSync, readdirSync } from "node:fs";
import { basename, join } from "node:path";
import type { Command } from "commander";
import { hex0x, parseBytes32 } from "../../base/bytes.ts";
import { homePaths } from "../../node/home/home.ts";
import {
  formatEncryptedKey,
  formatKey,
  type Key,
  keyOfSeed,
  loadKey,
  loadPublicKey,
  saveKey,
  saveKeyText,
} from "../../node/home/key-file.ts";
import { readTextFile } from "../../node/home/text-file.ts";
import { peerIdFromSeed } from "../../p2p/transport/identity.ts";
import { writeDurably } from "../../storage/durable-file.ts";
import { integer } from "../arguments.ts";
import { dirOption, group, leaf } from "../command.ts";
import { badInput, valueOrThrow } from "../exit.ts";
import { readStdin } from "../stdin.ts";
import { table } from "../table.ts";
import { keyPath, keysDir } from "./key-paths.ts";
import { addRotate } from "./keys-rotate.ts";
import { addToken } from "./keys-token.ts";
import { newPassword, type PasswordOptions, passwordOptions, unlockKeys } from "./passwords.ts";

interface KeysOptions extends PasswordOptions {
  readonly dir: string;
}

interface NewOptions extends KeysOptions {
  readonly encrypt?: boolean;
}

interface ImportOptions extends NewOptions {
  readonly file?: string;
}

interface ExportOptions extends KeysOptions, NewPasswordOptions {
  readonly encrypted?: boolean;
}

/** The options for the password under which a key is put that may have another one. */
interface NewPasswordOptions {
  readonly newPasswordFile?: string;
  readonly newPasswordFd?: number;
}

interface ChangeOptions extends KeysOptions, NewPasswordOptions {
  readonly remove?: boolean;
}

const withDir = (command: Command) => command.addOption(dirOption());
const withPassword = (command: Command) => passwordOptions(withDir(command));
const withEncrypt = (command: Command) =>
  withPassword(command).option("--encrypt", "put it under a password (asked for, or as below)");
const withNewPassword = (command: Command) =>
  withPassword(command)
    .option("--new-password-file <file>", "file with the new password")
    .option("--new-password-fd <n>", "read the new password from this file descriptor", integer(0, 1_023));

export function addKeys(program: Command): void {
  const keys = group(program, "keys", "make and look at account keys, plain or under a password");
  addNodeId(program);
  addNew(keys);
  addLooks(keys);
  addImport(keys);
  addExport(keys);
  addChange(keys);
  addRotate(keys);
  addToken(keys);
}

function addNodeId(program: Command): void {
  leaf<KeysOptions>(
    program,
    "node-id",
    "show a node's libp2p peer id",
    withPassword,
    async ({ out, options }) => {
      const key = await load(homePaths(options.dir).nodeKey, options);
      const peerId = peerIdFromSeed(key.seed);
      out.result({ peerId }, peerId);
    },
  );
}

function addNew(keys: Command): void {
  leaf<NewOptions>(
    keys,
    "new <name>",
    "make a new random key",
    withEncrypt,
    async ({ out, options, args: [name] }) => {
      const saved = await save(options, name, keyOfSeed(new Uint8Array(randomBytes(32))));
      const advice = saved.isEncrypted
        ? "encrypted; without its password it is lost"
        : "keep it secret and backed up";
      out.result(saved, [`${name}  ${saved.address}`, `  ${saved.file} (${advice})`]);
    },
  );
}

function addLooks(keys: Command): void {
  leaf<KeysOptions>(keys, "list", "list the keys", withDir, ({ out, options }) => {
    const found = listKeys(options.dir);
    const rows = found.map(({ name, address, isEncrypted }) => [
      name,
      address,
      isEncrypted ? "encrypted" : "plain",
    ]);
    const none = `no keys in ${keysDir(options.dir)}; make one with: quorate keys new NAME`;
    out.result({ keys: found }, rows.length === 0 ? none : table(["name", "address", "secret"], rows));
  });

  leaf<KeysOptions>(
    keys,
    "show <name>",
    "show a key's address",
    withDir,
    ({ out, options, args: [name] }) => {
      const address = hex0x(valueOrThrow(loadPublicKey(keyPath(options.dir, name))).publicKey);
      out.result({ name, address }, address);
    },
  );
}

function addImport(keys: Command): void {
  leaf<ImportOptions>(
    keys,
    "import <name> [seed]",
    "make a key from a secret seed of 32 bytes in hex, read from stdin when it is not given",
    (command) =>
      withEncrypt(command).option("--file <file>", "import this key file, as it is: plain or encrypted"),
    async ({ out, options, args: [name, given] }) => {
      const saved =
        options.file === undefined
          ? await save(options, name, keyOfSeed(seedOf(given?.trim() ?? readStdin())))
          : await importFile(options, options.file, name);
      out.result(saved, `${name}  ${saved.address}`);
    },
  );
}

function addExport(keys: Command): void {
  leaf<ExportOptions>(
    keys,
    "export <name>",
    "print a key's SECRET seed",
    (command) =>
      withNewPassword(command).option(
        "--encrypted",
        "print an encrypted key file instead, for keys import --file",
      ),
    async ({ out, options, args: [name] }) => {
      const path = keyPath(options.dir, name);
      const key = await load(path, options);
      if (options.encrypted === true) {
        const text = formatEncryptedKey(key, await newPassword("the exported key", newOf(options)));
        out.result(JSON.parse(text), text.trimEnd());
        return;
      }
      out.warn("this is the secret: whoever sees it owns the account");
      const seed = hex0x(key.seed);
      out.result({ name, address: hex0x(key.publicKey), seed }, seed);
    },
  );
}

function addChange(keys: Command): void {
  leaf<ChangeOptions>(
    keys,
    "change-password <name>",
    "put a key under a new password, also one that had none (validator and node name a home's own)",
    (command) => withNewPassword(command).option("--remove", "leave it without a password"),
    async ({ out, options, args: [name] }) => {
      const path = keyPath(options.dir, name);
      const key = await load(path, options);
      const isEncrypted = options.remove !== true;
      const text = isEncrypted
        ? formatEncryptedKey(key, await newPassword(path, newOf(options)))
        : formatKey(key);
      await writeDurably(path, text);
      out.result({ name, address: hex0x(key.publicKey), file: path, isEncrypted }, [
        `${name}  ${isEncrypted ? "encrypted under the new password" : "without a password now"}`,
        "  copies and backups of the file keep the old one",
      ]);
    },
  );
}

function newOf({ newPasswordFile, newPasswordFd }: NewPasswordOptions): PasswordOptions {
  return {
    ...(newPasswordFile === undefined ? {} : { passwordFile: newPasswordFile }),
    ...(newPasswordFd === undefined ? {} : { passwordFd: newPasswordFd }),
  };
}

function seedOf(text: string): Uint8Array {
  const seed = parseBytes32(text);
  if (seed === undefined) throw badInput("expected a seed: 0x and 64 hex digits (32 bytes)");
  return seed;
}

interface ListedKey {
  readonly name: string;
  readonly address: string;
  readonly file: string;
  readonly isEncrypted: boolean;
}

function listKeys(dir: string): ListedKey[] {
  const folder = keysDir(dir);
  const files = existsSync(folder) ? readdirSync(folder).filter((file) => file.endsWith(".json")) : [];
  return files.sort().map((file) => {
    const path = join(folder, file);
    const { publicKey, isEncrypted } = valueOrThrow(loadPublicKey(path));
    return { name: basename(file, ".json"), address: hex0x(publicKey), file: path, isEncrypted };
  });
}

async function load(path: string, options: PasswordOptions): Promise<Key> {
  return valueOrThrow(loadKey(path, await unlockKeys([path], options)));
}

async function save(options: NewOptions, name: string, key: Key): Promise<ListedKey> {
  const file = keyPath(options.dir, name);
  const isEncrypted = options.encrypt === true;
  // Before the question: a key is never overwritten.
  if (existsSync(file)) valueOrThrow(saveKey(file, key));
  const text = isEncrypted ? formatEncryptedKey(key, await newPassword(file, options)) : formatKey(key);
  valueOrThrow(saveKeyText(file, text));
  return { name, address: hex0x(key.publicKey), file, isEncrypted };
}

/** A plain one may be put under a password on the way; an encrypted one stays as it is. */
async function importFile(options: ImportOptions, from: string, name: string): Promise<ListedKey> {
  const { publicKey, isEncrypted } = valueOrThrow(loadPublicKey(from));
  if (!isEncrypted) return save(options, name, valueOrThrow(loadKey(from)));
  const file = keyPath(options.dir, name);
  valueOrThrow(saveKeyText(file, valueOrThrow(readTextFile(from))));
  return { name, address: hex0x(publicKey), file, isEncrypted };
}
