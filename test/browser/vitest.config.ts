/**
 * `npm run test:browser`: apart from `npm test`, because it needs Chromium: at /usr/bin/chromium, or where the variable
 * CHROMIUM says. The explorer must be built (`npm run build`). Screenshots go to the folder that SHOTS names.
 */
import { existsSync } from "node:fs";
import { defineConfig } from "vitest/config";

export const CHROMIUM = process.env.CHROMIUM ?? "/usr/bin/chromium";

if (!existsSync(CHROMIUM)) {
  console.error(
    `test:browser needs Chromium: none at ${CHROMIUM}. Install it, or say where it is: CHROMIUM=/path npm run test:browser`,
  );
  process.exit(2);
}

export default defineConfig({
  test: {
    include: ["test/browser/*.browser.ts"],
    testTimeout: 120_000,
    hookTimeout: 120_000,
    fileParallelism: false,
  },
});
