// Writes the manual page, dist/quorate.1, which package.json names. Part of `npm run build`.
import { writeFileSync } from "node:fs";

const dist = (path) => new URL(`../dist/${path}`, import.meta.url);
const { buildProgram } = await import(dist("cli/program.js"));
const { manPage } = await import(dist("cli/man-page.js"));
writeFileSync(dist("quorate.1"), `${manPage(await buildProgram([])).join("\n")}\n`);
