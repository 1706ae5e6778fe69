/**
 * A signer in the foreground. SIGINT and SIGTERM stop it, SIGHUP has it know the nodes that were paired meanwhile. Its log lines go
 * to standard error.
 */
import { readFileSync } from "node:fs";
import { must } from "../../base/assert.ts";
import { type Hash, hex0x, showHash } from "../../base/bytes.ts";
import { openLog } from "../../node/assembly/system.ts";
import { checkFileSystem } from "../../node/home/file-system.ts";
import { takeLock } from "../../node/home/lock.ts";
import { parseLogLevels } from "../../node/home/log-levels.ts";
import { StartError } from "../../node/home/start-error.ts";
import type { DeskKey, SignerDesk } from "../../node/signer/signer-desk.ts";
import { openDesk, pairedNodes, type SignerPaths, takeSignerPlace } from "../../node/signer/signer-home.ts";
import { SignerServer } from "../../node/signer/signer-server.ts";
import { CliError, diskError, EXIT, valueOrThrow } from "../exit.ts";
import type { Output } from "../output.ts";

export interface SignerRun {
  readonly genesisHash: Hash;
  readonly key: DeskKey;
  /** The folder is on a network file system, and no other host uses it. */
  readonly isNetworkHome: boolean;
  /** The folder was copied here, and the signer that it was copied from will never run again. */
  readonly isMoved: boolean;
  readonly listen: { readonly host: string; readonly port: number };
}

/** Resolves when it was stopped. @throws CliError when it cannot start, or had to stop */
export async function runSigner(
  out: Output,
  paths: SignerPaths,
  { genesisHash, key, listen, isNetworkHome, isMoved }: SignerRun,
): Promise<void> {
  const use = { folders: [paths.dir, paths.journal], votes: true, isExclusive: isNetworkHome };
  for (const warning of valueOrThrow(checkFileSystem(use))) out.warn(warning);
  const lock = takeLock(paths.lock);
  if (!lock.ok)
    throw new CliError(EXIT.busy, "LOCKED", lock.fault.detail.replaceAll("node home", "signer's folder"));
  const { logger, close } = openLog(must(parseLogLevels("info"), "a level of the table"), undefined);
  const stopping = new Promise<Error | undefined>((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => resolve(undefined));
    fail = (error) => resolve(error instanceof Error ? error : new Error(String(error)));
  });
  try {
    const desk = await deskAt(paths, isMoved, {
      key,
      genesisHash,
      log: logger,
      fatal: (error) => fail(error),
    });
    const certificate = readFileSync(paths.certificate, "utf8");
    const options = {
      ...listen,
      certificate,
      key: readFileSync(paths.certificateKey, "utf8"),
      nodes: () => pairedNodes(paths),
    };
    const server = new SignerServer(options, { desk, log: logger });
    const port = await server.start().catch((cause: NodeJS.ErrnoException) => {
      const code = cause.code === "EADDRINUSE" ? "PORT_IN_USE" : "BAD_ADDRESS";
      throw new CliError(EXIT.busy, code, `${listen.host}:${listen.port}: ${cause.message} (--listen)`, {
        cause,
      });
    });
    process.on("SIGHUP", () => server.reload());
    const url = `tls://${listen.host.includes(":") ? `[${listen.host}]` : listen.host}:${port}`;
    const publicKey = hex0x(key.publicKey);
    out.result({ url, publicKey, genesisHash: showHash(genesisHash), pid: process.pid }, [
      `signer of ${publicKey}`,
      `  listens  ${url}`,
      `  genesis  ${showHash(genesisHash)}`,
    ]);
    const failure = await stopping;
    await server.stop();
    await desk.close();
    if (failure !== undefined) throw whySignerStopped(failure);
    out.note(`stopped; ${desk.counts.signed} signed, ${desk.counts.refused} refused`);
  } finally {
    lock.value.release();
    await close();
  }
}

/** The signer could not go on; a disk has an exit code of its own. */
export function whySignerStopped(failure: Error): CliError {
  const context = "the signer had to stop: ";
  const broken = () =>
    new CliError(EXIT.broken, "STOPPED", `${context}${failure.message}`, { cause: failure });
  return diskError(failure, context) ?? broken();
}

/** @throws CliError for a folder whose key must not sign */
async function deskAt(
  paths: SignerPaths,
  isMoved: boolean,
  parts: Parameters<typeof openDesk>[1],
): Promise<SignerDesk> {
  try {
    takeSignerPlace(paths, parts.log, isMoved);
    return await openDesk(paths, parts);
  } catch (cause) {
    if (!(cause instanceof StartError)) throw cause;
    const code = cause.code.toUpperCase().replaceAll("-", "_");
    throw new CliError(EXIT.badInput, code, cause.message, { cause });
  }
}

let fail: (error: unknown) => void = () => undefined;
