/** `npm run check:token`: apart from `npm test`, since SoftHSM2 and pkcs11js are installed by who wants them. */
import { defineConfig } from "vitest/config";

export default defineConfig({ test: { include: ["test/token/*.check.ts"], testTimeout: 60_000 } });
