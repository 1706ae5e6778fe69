/**
 * `quorate keys`: account keys as files in <dir>/keys. A key is shown by its address; the secret is printed by
 * `export` alone. A file is never overwritten. Random bytes come from node:crypto. `quorate node-id`: who a node is
 * to its peers, from keys/node.json.
 */
import { randomBytes } from "node:crypto";
import { existsSync, readdirSync } from "node:fs";
import { basename, join } from "node:path";
import type { Command } from "commander";
import { hex0x, parseBytes32 } from "../../base/bytes.ts";
import { homePaths } from "../../node/home/home.ts";
import { type Key, keyOfSeed, loadKey, saveKey } from "../../node/home/key-file.ts";
import { peerIdFromSeed } from "../../p2p/transport/identity.ts";
import { dirOption, group, leaf } from "../command.ts";
import { badInput, must } from "../exit.ts";
import { readStdin } from "../stdin.ts";
import { table } from "../table.ts";
import { keyPath, keysDir } from "./key-paths.ts";

interface KeysOptions {
  readonly dir: string;
}

export function addKeys(program: Command): void {
  const keys = group(program, "keys", "make and look at account keys");
  const withDir = (command: Command) => command.addOption(dirOption());

  leaf<KeysOptions>(program, "node-id", "show a node's libp2p peer id", withDir, ({ out, options }) => {
    const peerId = peerIdFromSeed(must(loadKey(homePaths(options.dir).nodeKey)).seed);
    out.result({ peerId }, peerId);
  });

  leaf<KeysOptions>(
    keys,
    "new <name>",
    "make a new random key",
    withDir,
    ({ out, options, args: [name] }) => {
      const saved = save(options.dir, name, keyOfSeed(new Uint8Array(randomBytes(32))));
      out.result(saved, [`${name}  ${saved.address}`, `  ${saved.file} (keep it secret and backed up)`]);
    },
  );

  leaf<KeysOptions>(keys, "list", "list the keys", withDir, ({ out, options }) => {
    const found = listKeys(options.dir);
    const rows = found.map(({ name, address }) => [name, address]);
    const none = `no keys in ${keysDir(options.dir)}; make one with: quorate keys new NAME`;
    out.result({ keys: found }, rows.length === 0 ? none : table(["name", "address"], rows));
  });

  leaf<KeysOptions>(
    keys,
    "show <name>",
    "show a key's address",
    withDir,
    ({ out, options, args: [name] }) => {
      const address = hex0x(load(options.dir, name).publicKey);
      out.result({ name, address }, address);
    },
  );

  leaf<KeysOptions>(
    keys,
    "import <name> [seed]",
    "make a key from a secret seed of 32 bytes in hex, read from stdin when it is not given",
    withDir,
    ({ out, options, args: [name, given] }) => {
      const seed = parseBytes32(given?.trim() ?? readStdin());
      if (seed === undefined) throw badInput("expected a seed: 0x and 64 hex digits (32 bytes)");
      const saved = save(options.dir, name, keyOfSeed(seed));
      out.result(saved, `${name}  ${saved.address}`);
    },
  );

  leaf<KeysOptions>(
    keys,
    "export <name>",
    "print a key's SECRET seed",
    withDir,
    ({ out, options, args: [name] }) => {
      const key = load(options.dir, name);
      out.warn("this is the secret: whoever sees it owns the account");
      const seed = hex0x(key.seed);
      out.result({ name, address: hex0x(key.publicKey), seed }, seed);
    },
  );
}

function listKeys(dir: string): { name: string; address: string; file: string }[] {
  const folder = keysDir(dir);
  const files = existsSync(folder) ? readdirSync(folder).filter((file) => file.endsWith(".json")) : [];
  return files.sort().map((file) => {
    const path = join(folder, file);
    return { name: basename(file, ".json"), address: hex0x(must(loadKey(path)).publicKey), file: path };
  });
}

function load(dir: string, name: string): Key {
  return must(loadKey(keyPath(dir, name)));
}

function save(dir: string, name: string, key: Key): { name: string; address: string; file: string } {
  const file = keyPath(dir, name);
  must(saveKey(file, key));
  return { name, address: hex0x(key.publicKey), file };
}
