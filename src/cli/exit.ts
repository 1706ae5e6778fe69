/**
 * Exit codes: what a script may rely on. A CliError is how a command ends without a result: one clear line for a
 * person, one code for a script. docs: `quorate --help`.
 */
import type { Fault, Verdict } from "../base/fault.ts";
import { diskFaultOf } from "../storage/disk-fault.ts";

export const EXIT = {
  ok: 0,
  /** A check found something invalid (a receipt, a chain). */
  failedCheck: 1,
  /** The command line, a file or a name is wrong; nothing was done. */
  badInput: 2,
  /** The node answered and refused. */
  refused: 3,
  /** No node answered. */
  unreachable: 4,
  /** A wait timed out, or the node broke off: what was sent may still happen. */
  timedOut: 5,
  /** A port, a folder or a lock is taken by another process. */
  busy: 6,
  /** A disk or a folder cannot be used: full, read-only, not permitted, broken. It is EX_CONFIG of sysexits(3). */
  disk: 78,
  /** The machine or the program failed. */
  broken: 70,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

export const EXIT_HELP = `
Exit codes: 0 done, 1 a check failed, 2 wrong input, 3 refused by the node, 4 no node answered,
            5 timed out or broken off (what was sent may still happen), 6 a port or folder is taken, 70 broken,
            78 a disk cannot be used (full, read-only, not permitted)`;

export interface CliErrorOptions extends ErrorOptions {
  readonly more?: readonly string[];
}

export class CliError extends Error {
  override readonly name = "CliError";
  readonly exitCode: ExitCode;
  /** A stable upper-case word for scripts. */
  readonly code: string;
  /** Lines to be shown below the message, such as the end of a log. */
  readonly more: readonly string[];

  /** @param message is one line: a line break in it is shown as an escape. */
  constructor(exitCode: ExitCode, code: string, message: string, options: CliErrorOptions = {}) {
    super(message, options);
    this.more = options.more ?? [];
    this.exitCode = exitCode;
    this.code = code;
  }
}

/** The end of a command that has printed its result, which is bad events: no more words, only the code. */
export class Finished extends Error {
  override readonly name = "Finished";
  readonly exitCode: ExitCode;

  constructor(exitCode: ExitCode) {
    super(`finished with ${exitCode}`);
    this.exitCode = exitCode;
  }
}

export function badInput(message: string): CliError {
  return new CliError(EXIT.badInput, "BAD_INPUT", message);
}

/** The disk's error as the end of a command, with words and its exit code, or undefined for what is none. */
export function diskError(error: unknown, context = ""): CliError | undefined {
  const fault = diskFaultOf(error);
  if (fault === undefined) return undefined;
  const [exitCode, code] = fault.isInput ? [EXIT.badInput, "BAD_PATH"] : [EXIT.disk, "DISK"];
  return new CliError(exitCode as ExitCode, code as string, `${context}${fault.detail}`, { cause: error });
}

/** Returns the value. @throws CliError, which ends the command with the fault. */
export function valueOrThrow<T>(verdict: Verdict<T>, exitCode: ExitCode = EXIT.badInput): T {
  if (verdict.ok) return verdict.value;
  throw faultError(verdict.fault, exitCode);
}

export function faultError(fault: Fault, exitCode: ExitCode = EXIT.badInput): CliError {
  return new CliError(exitCode, fault.code.toUpperCase().replaceAll("-", "_"), fault.detail);
}
