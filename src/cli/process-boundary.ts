/**
 * The process's outermost edge for what nobody caught. An error that came about in the network library alone, in a
 * task or an event listener of its own, is a connection's end: it is counted and the node goes on. Everything else
 * (an assert of ours, an error with a line of ours in its stack, too many of the first kind) means that nobody knows
 * what holds any more: the reason is written and the process ends with exit code 70, for its supervisor to start anew.
 */
import { fileURLToPath } from "node:url";
import { InvariantError } from "../base/assert.ts";
import { EXIT } from "./exit.ts";
import { stackOf } from "./output.ts";
import { print } from "./terminal.ts";

/** How many errors of the library within a minute are borne; one more is no accident of a connection. */
export const LIBRARY_ERRORS_PER_MINUTE_MAX = 20;

const OWN_ROOT = fileURLToPath(new URL("../../", import.meta.url));
/** libp2p and what it is made of. */
const LIBRARIES =
  /[\\/]node_modules[\\/](?:@libp2p|libp2p|@chainsafe|@multiformats|it-[a-z-]+|main-event|race-signal|uint8arraylist|p-event)[\\/]/;
const SYSTEM_CODES = new Set([
  "ECONNRESET",
  "EPIPE",
  "ETIMEDOUT",
  "ECONNABORTED",
  "EHOSTUNREACH",
  "ENETUNREACH",
]);

/**
 * Whether an error came about in the network library without a line of ours on the way, or is a socket's end.
 * @param ownRoot the folder of this package, with a separator at its end
 */
export function isLibraryError(error: unknown, ownRoot: string = OWN_ROOT): boolean {
  if (!(error instanceof Error) || error instanceof InvariantError) return false;
  const frames = (error.stack ?? "").split("\n").filter((line) => /^\s+at /.test(line));
  const isOwn = (frame: string) => {
    const start = frame.indexOf(ownRoot);
    return start >= 0 && !/[\\/]node_modules[\\/]/.test(frame.slice(start + ownRoot.length - 1));
  };
  if (frames.some(isOwn)) return false;
  if (frames.some((frame) => LIBRARIES.test(frame))) return true;
  return SYSTEM_CODES.has((error as NodeJS.ErrnoException).code ?? "");
}

interface Edge {
  now(): number;
  /** Counts it and says so. */
  libraryFailed(error: Error): void;
  /** Writes why and ends the process. */
  end(error: unknown): void;
}

/** Judges one error that nobody caught. */
export function processBoundary({ now, libraryFailed, end }: Edge): (error: unknown) => void {
  let recent: number[] = [];
  return (error) => {
    if (!isLibraryError(error)) return end(error);
    const nowMs = now();
    recent = recent.filter((atMs) => nowMs - atMs < 60_000);
    recent.push(nowMs);
    if (recent.length > LIBRARY_ERRORS_PER_MINUTE_MAX) return end(error);
    libraryFailed(error as Error);
  };
}

/** Installs it in this process. A rejected promise that nobody awaits comes the same way. */
export function guardProcess(libraryFailed: (error: Error) => void): void {
  const judge = processBoundary({
    now: () => Date.now(),
    libraryFailed,
    end: (error) => {
      const [first, ...places] = error instanceof Error ? stackOf(error) : [String(error)];
      print("stderr", [`the node is broken and ends: ${first}`, ...places], () => process.exit(EXIT.broken));
      // Also when nobody takes the words.
      setTimeout(() => process.exit(EXIT.broken), 1_000).unref();
    },
  });
  process.on("uncaughtException", judge);
}
