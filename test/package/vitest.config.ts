/** `npm run check:packed` and `check:package`: apart from `npm test`; the second because npm may need the network. */
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: { include: ["test/package/*.check.ts"], testTimeout: 120_000, hookTimeout: 240_000 },
});
