#!/usr/bin/env node
// The command. It only says what to do when the build is missing; everything else is in src/cli. It runs the files that
// bin/buildcommand.js has joined, unless something was compiled since.
import { existsSync, statSync } from "node:fs";
import { fileURLToPath } from "node:url";

const dist = new URL("../dist/", import.meta.url);
const changedAt = (file) => statSync(new URL(file, dist), { throwIfNoEntry: false })?.mtimeMs ?? 0;

const isJoined = changedAt("joined/.made") > changedAt(".tsbuildinfo");
const entry = new URL(isJoined ? "joined/main.js" : "cli/main.js", dist);
if (!existsSync(fileURLToPath(entry))) {
  console.error("quorate is not built yet. Run: npm run bootstrap");
  process.exit(2);
}
await import(entry.href);
