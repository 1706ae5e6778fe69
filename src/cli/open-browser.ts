/** Opens an address in the user's browser by the system's own command; that none is there is no failure of ours. */
import { spawn } from "node:child_process";
import type { Output } from "./output.ts";

/** Does what `--open` asks for: opens the explorer, or says where it is when no browser can be started. */
export async function openExplorer(out: Output, url: string): Promise<void> {
  if (!(await openInBrowser(url)))
    out.warn(`--open: no browser could be started here; the explorer is at ${url}`);
}

/** @param url is of this program's own making, never of others. Resolves to whether the command began. */
function openInBrowser(url: string): Promise<boolean> {
  const [command, ...args] = COMMANDS[process.platform] ?? ["xdg-open"];
  return new Promise((resolve) => {
    const child = spawn(command, [...args, url], { stdio: "ignore", detached: true });
    child.once("error", () => resolve(false));
    child.once("spawn", () => {
      child.unref();
      resolve(true);
    });
  });
}

const COMMANDS: Readonly<Record<string, readonly [string, ...string[]]>> = {
  darwin: ["open"],
  // The empty text is the window's title.
  win32: ["cmd", "/c", "start", ""],
};
