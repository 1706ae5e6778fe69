/** Where the browser is that the explorer is tried in, and what to say where it is not. */
import { accessSync, constants, statSync } from "node:fs";

export const CHROMIUM = process.env.CHROMIUM ?? "/usr/bin/chromium";

export function isChromium(): boolean {
  try {
    accessSync(CHROMIUM, constants.X_OK);
    return statSync(CHROMIUM).isFile();
  } catch {
    return false;
  }
}

/** @param script of package.json that asked for it */
export function needed(script: string): string {
  return `${script} needs Chromium, and ${CHROMIUM} is no program that this user may run. Install it, or say where it is: CHROMIUM=/path npm run ${script}`;
}
