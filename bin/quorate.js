#!/usr/bin/env node
// The command. It only says what to do when the build is missing; everything else is in src/cli.
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

const entry = new URL("../dist/cli/main.js", import.meta.url);
if (!existsSync(fileURLToPath(entry))) {
  console.error("quorate is not built yet. Run: npm run bootstrap");
  process.exit(2);
}
await import(entry.href);
