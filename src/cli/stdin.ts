/** One text from standard input, for arguments that are "-". */
import { readFileSync } from "node:fs";
import { decodeText } from "../node/home/text-file.ts";
import { badInput } from "./exit.ts";

/** Reads standard input and drops the white space around it. */
export function readStdin(): string {
  const text = decodeText(readFileSync(0));
  if (!text.ok) throw badInput(`standard input: ${text.fault.detail}`);
  return text.value.trim();
}
