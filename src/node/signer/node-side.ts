/** The node's side of a pair: its files for the signer, and what its config.toml says of it. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type Address, hex0x } from "../../base/bytes.ts";
import { accept, refuse, type Verdict } from "../../base/fault.ts";
import { makeFolder, writeWhole } from "../../storage/durable-file.ts";

export interface SignerUse {
  readonly url: string;
  readonly publicKey: Address;
  /** A node's home on this machine. */
  readonly home: string | undefined;
}

/** Writes the node's side of a pair. @returns what its config.toml says */
export function useSigner(
  place: string,
  { url, publicKey, home }: SignerUse,
  make: () => Verdict<{ readonly ca: string; readonly cert: string; readonly key: string }, "exists">,
): Verdict<readonly string[], "exists"> {
  const lines = ["[signer]", `url = ${JSON.stringify(url)}`, `public_key = "${hex0x(publicKey)}"`];
  const config = home === undefined ? undefined : join(home, "config.toml");
  const before = config !== undefined && existsSync(config) ? readFileSync(config, "utf8") : "";
  if (/^\s*\[signer\]\s*$/m.test(withoutComments(before)) && setsAny(before)) {
    return refuse("exists", `${config}: names a signer already; take [signer] out of it to pair anew`);
  }
  const pair = make();
  if (!pair.ok) return pair;
  const { ca, cert, key } = pair.value;
  makeFolder(place, 0o700);
  writeWhole(join(place, "ca.crt"), ca);
  writeWhole(join(place, "node.crt"), cert);
  writeWhole(join(place, "node.key"), key, { mode: 0o600 });
  if (config !== undefined) writeWhole(config, withSection(before, lines));
  return accept(lines);
}

function withoutComments(text: string): string {
  return text.replace(/^\s*#.*$/gm, "");
}

function setsAny(text: string): boolean {
  return /^\s*(url|public_key)\s*=/m.test(withoutComments(sectionOf(text)));
}

function sectionOf(text: string): string {
  const start = text.search(/^\s*\[signer\]\s*$/m);
  return start < 0 ? "" : text.slice(start);
}

/** The commented config.toml has the section already, without a value: a table may stand once. */
function withSection(text: string, lines: readonly string[]): string {
  const values = lines.slice(1).join("\n");
  if (/^\[signer\]\s*$/m.test(text)) return text.replace(/^\[signer\]\s*$/m, `[signer]\n${values}`);
  return `${text.trimEnd()}\n\n${lines.join("\n")}\n`;
}
