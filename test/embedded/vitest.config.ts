/** `npm run check:embedded`: apart from `npm test`, since a PGlite takes six seconds of processor time to be made. */
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: { include: ["test/embedded/*.check.ts"], testTimeout: 120_000, hookTimeout: 120_000 },
});
