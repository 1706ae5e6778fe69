/** Where a devnet is: its folder and the file that makes a folder one. Light, because every command with names asks. */
import { join } from "node:path";

export const DEFAULT_DEVNET_DIR = ".devnet";

export function devnetFile(dir: string): string {
  return join(dir, "devnet.json");
}
