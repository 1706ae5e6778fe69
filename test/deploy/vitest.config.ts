/** `npm run check:deploy`: apart from `npm test`, since promtool and kubernetes-validate are installed by who wants them. */
import { defineConfig } from "vitest/config";

export default defineConfig({ test: { include: ["test/deploy/*.check.ts"], testTimeout: 60_000 } });
