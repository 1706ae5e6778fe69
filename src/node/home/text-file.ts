/**
 * Text files that people write. UTF-8 alone is read: bytes that are none would become other characters unseen, and a
 * file of another encoding would be called malformed in words that lead nowhere.
 */
import { readFileSync } from "node:fs";
import { parseUtf8Document } from "../../base/bytes.ts";
import { accept, refuse, type Verdict } from "../../base/fault.ts";

/** Reads a file's text. A fault names the path. @throws Error when it cannot be read */
export function readTextFile(path: string): Verdict<string, "malformed"> {
  const text = decodeText(readFileSync(path));
  return text.ok ? text : refuse("malformed", `${path}: ${text.fault.detail}`);
}

/** A byte order mark of UTF-8 is left out; one of UTF-16 says what the file is. */
export function decodeText(bytes: Uint8Array): Verdict<string, "malformed"> {
  const isUtf16 = (bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff);
  if (isUtf16) return refuse("malformed", "its encoding is UTF-16: save it as UTF-8");
  const text = parseUtf8Document(bytes);
  if (text !== undefined) return accept(text);
  return refuse("malformed", `not UTF-8 from byte ${firstBadByte(bytes)} on: save it as UTF-8`);
}

function firstBadByte(bytes: Uint8Array): number {
  let [good, bad] = [0, bytes.length];
  while (bad - good > 1) {
    const middle = (good + bad) >>> 1;
    if (beginsWell(bytes.subarray(0, middle))) good = middle;
    else bad = middle;
  }
  return good;
}

/** What a cut leaves unfinished is no fault of the text. */
function beginsWell(bytes: Uint8Array): boolean {
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(bytes, { stream: true });
    return true;
  } catch {
    return false;
  }
}
