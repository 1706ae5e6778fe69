/**
 * `npm run test:browser`: apart from `npm test`, because it needs Chromium: at /usr/bin/chromium, or where the variable
 * CHROMIUM says. The explorer must be built (`npm run build`). Screenshots go to the folder that SHOTS names.
 */
import { defineConfig } from "vitest/config";
import { isChromium, needed } from "./chromium.ts";

if (!isChromium()) {
  console.error(needed(process.env.npm_lifecycle_event ?? "test:browser"));
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
