/** What is wrong with a database that is read for its own sake: damage is an answer there, not an end. */
import { accept, type Fault, fault, type Verdict } from "../../base/fault.ts";
import { DecodeError } from "../../codec/reader.ts";
import { DamagedDatabase } from "../../storage/level-checks.ts";

/**
 * The fault that an error of reading shows: stored bytes that do not decode were changed.
 * @throws the error, where it is the disk's or ours
 */
export function damageOf(error: unknown): Fault {
  if (error instanceof DecodeError) return fault("corrupt", error.message);
  if (error instanceof DamagedDatabase) return fault("damaged", error.message);
  throw error;
}

/** What `read` gives, or the damage that it met. */
export function readStored<T>(read: () => T): Verdict<T> {
  try {
    return accept(read());
  } catch (error) {
    return { ok: false, fault: damageOf(error) };
  }
}
