/**
 * The token of a node's admin methods: new at each start, readable by the node's user alone, gone when the node stops.
 * It lies in the node's home, and under the address of its RPC in a folder of the user, where the commands of this
 * machine find it whatever home the node has. An address says nothing of who calls: a proxy on this machine calls from
 * loopback. Never logged, never in an answer, never sent but to the address that the node itself listens on.
 */

import { randomBytes } from "node:crypto";
import { chmodSync, lstatSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { must } from "../../base/assert.ts";
import { makeFolder, writeWhole } from "../../storage/durable-file.ts";

export const RPC_TOKEN_FILE = "rpc.token";

export interface TokenPlace {
  readonly homeDir: string;
  /** The host as the server listens: an address, or "0.0.0.0" or "::" for all. */
  readonly host: string;
  readonly port: number;
}

/** Makes a token of 32 random bytes in hex. */
export function makeRpcToken(): string {
  return randomBytes(32).toString("hex");
}

/**
 * Writes the token where commands find it. Where the user's folder cannot be had (somebody else made it) the file in
 * the home is the only one.
 * @returns what removes it again
 * @throws Error when the home cannot be written
 */
export function publishRpcToken({ homeDir, host, port }: TokenPlace, token: string): () => void {
  const paths = [join(homeDir, RPC_TOKEN_FILE)];
  writeAnew(must(paths[0], "a token has a path"), token);
  if (takeUserFolder()) {
    const path = join(userFolder(), fileName(host, port));
    writeAnew(path, token);
    paths.push(path);
  }
  return () => {
    // A node that was started since has written its own.
    for (const path of paths) if (readIfAny(path) === token) rmSync(path, { force: true });
  };
}

/** The token in a node's home, while the node runs. */
export function readRpcToken(homeDir: string): string | undefined {
  return readIfAny(join(homeDir, RPC_TOKEN_FILE));
}

/**
 * The token of this user's node that listens at the address of a URL. Not for names, localhost either: they may lead
 * to another address of this machine, where another user's program can listen on the same port.
 */
export function findRpcToken(url: string): string | undefined {
  const { hostname, port, protocol } = new URL(url);
  const address = hostname.replace(/^\[|\]$/g, "");
  const isV4 = /^127\.\d+\.\d+\.\d+$/.test(address);
  if (!isV4 && address !== "::1") return undefined;
  if (!isOwn(userFolder())) return undefined;
  const asked = Number(port || (protocol === "https:" ? 443 : 80));
  const hosts = isV4 ? [address, "0.0.0.0", "::"] : [address, "::"];
  for (const host of hosts) {
    const token = readIfAny(join(userFolder(), fileName(host, asked)));
    if (token !== undefined) return token;
  }
  return undefined;
}

function fileName(host: string, port: number): string {
  // No colon: some file systems have none in names.
  return `${host.replaceAll(":", "_")}-${port}.token`;
}

function userFolder(): string {
  return join(tmpdir(), `quorate-${process.getuid?.() ?? "user"}`);
}

/** Makes the folder, or takes it when it is this user's. @returns false when it is not to be had */
function takeUserFolder(): boolean {
  const folder = userFolder();
  try {
    makeFolder(folder, 0o700);
    // An own one that others may enter, by whatever mistake: nobody but its owner (and root) can do this.
    if (isOwn(folder, 0)) chmodSync(folder, 0o700);
  } catch {
    // Somebody else's file or link, or no temporary folder at all.
  }
  return isOwn(folder);
}

/** Whether it is a folder (no link to one) of this user, in which others have none of these rights. */
function isOwn(folder: string, others = 0o077): boolean {
  const stat = lstatSync(folder, { throwIfNoEntry: false });
  const uid = process.getuid?.();
  if (stat === undefined || !stat.isDirectory()) return false;
  return uid === undefined || (stat.uid === uid && (stat.mode & others) === 0);
}

/** A new file, so that its mode is what is asked for and no link is followed. */
function writeAnew(path: string, text: string): void {
  rmSync(path, { force: true });
  writeWhole(path, text, { mode: 0o600, flag: "wx" });
}

function readIfAny(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8").trim();
  } catch {
    return undefined;
  }
}
