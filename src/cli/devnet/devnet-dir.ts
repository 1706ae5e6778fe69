/** Where a devnet is: its folder and the file that makes a folder one. Light, because every command with names asks. */
import { join } from "node:path";
import { shellWord } from "../../base/shell-word.ts";

export const DEFAULT_DEVNET_DIR = ".devnet";

/** What an advised command needs behind it to mean this devnet: " --devnet 'my net'", or nothing where that is the default. */
export function devnetFlag(dir: string): string {
  return dir === DEFAULT_DEVNET_DIR ? "" : ` --devnet ${shellWord(dir)}`;
}

export function devnetFile(dir: string): string {
  return join(dir, "devnet.json");
}
