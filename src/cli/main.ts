/**
 * The entry point of bin/quorate.js: one command line, one exit code. The polyfill comes first, before anything that
 * imports libp2p.
 */
import "../p2p/polyfill.ts";
import { buildProgram, run } from "./program.ts";

// A reader that went away (quorate ... | head) is no error.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  process.exit(0);
});

const words = process.argv.slice(2);
process.exitCode = await run(await buildProgram(words), words);
