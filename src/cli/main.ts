/**
 * The entry point of bin/quorate.js: one command line, one exit code. The polyfill comes first, before anything that
 * imports libp2p.
 */
import "../p2p/transport/polyfill.ts";
import { buildProgram, run } from "./program.ts";
import { endWithReader } from "./terminal.ts";

endWithReader();

const words = process.argv.slice(2);
process.exitCode = await run(await buildProgram(words), words);
