/** `npm run check:package`: apart from `npm test`, because npm may need the network for what is not in its cache. */
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: { include: ["test/package/*.check.ts"], testTimeout: 120_000, hookTimeout: 240_000 },
});
