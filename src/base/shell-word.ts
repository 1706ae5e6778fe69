/**
 * A word of a command line that the program advises, such as the path of a home: as it is where a shell takes it as it
 * is, else between quotes, so that the whole line can be copied and does what it says.
 */
import { printable } from "./printable.ts";

const PLAIN = /^[\p{L}\p{N}_@%+=:,./-]+$/u;

/**
 * Quotes `text` for a POSIX shell where that is needed: `my home` becomes `'my home'`. A character that would act on a
 * terminal is escaped as `printable` does; such a line is to be looked at, and no longer to be copied.
 */
export function shellWord(text: string): string {
  if (PLAIN.test(text)) return text;
  return `'${printable(text).replaceAll("'", "'\\''")}'`;
}
