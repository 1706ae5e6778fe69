/**
 * `quorate module new`: a package to begin with: a module, its test, a script that calls it and a README. It is the
 * example examples/shop under another name, so that what is written is what is tested.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { MODULE_NAME } from "../../chain/types/module-version.ts";
import { makeFolder, writeWhole } from "../../storage/durable-file.ts";
import { badInput } from "../exit.ts";

const ROOT = fileURLToPath(new URL("../../../", import.meta.url));
const LINE_END = String.fromCharCode(10);
/** The files of the example that are copied. */
const COPIED = ["tsconfig.json", "src/shop.ts", "test/shop.test.ts", "client.ts", "README.md"] as const;
/** What a module is developed with, in the very versions that this program is tested with. */
const TOOLS = ["@types/node", "tsx", "typescript", "vitest"] as const;

/** Words that cannot be the name of a variable, which the module's name is in the test and the script. */
const RESERVED: readonly string[] = (
  "await break case catch class const continue debugger default delete do else enum export extends false finally for function if " +
  "implements import in instanceof interface let new null package private protected public return static super switch this " +
  "throw true try typeof var void while with yield client accounts shown secret alice item order tx sent answer genesis devnet test expect"
).split(" ");

/** Writes the package. @returns its files, relative to the folder @throws CliError for a bad name or a folder that is there */
export function newModule(name: string, dir: string): readonly string[] {
  if (!MODULE_NAME.test(name))
    throw badInput(
      `"${name}": a module's name is a lower-case letter, then at most 31 lower-case letters and digits`,
    );
  if (RESERVED.includes(name))
    throw badInput(`"${name}": a word of TypeScript, or of what is written; choose another name`);
  if (existsSync(dir))
    throw badInput(`${dir}: it is there already; nothing was written (--out names another folder)`);
  const files = filesOf(name);
  for (const [path, text] of Object.entries(files)) {
    makeFolder(join(dir, path, ".."));
    writeWhole(join(dir, path), text);
  }
  return Object.keys(files);
}

function filesOf(name: string): Readonly<Record<string, string>> {
  const copied = COPIED.map((path) => {
    const text = readFileSync(join(ROOT, "examples", "shop", path), "utf8");
    return [renamed(path, name), renamed(text, name)];
  });
  return {
    "package.json": packageJson(name),
    // npm leaves a file of this name out of what it packs, so it cannot be copied.
    ".gitignore": ["node_modules/", ".devnet/", "modules/"].join(LINE_END),
    ...Object.fromEntries(copied),
  };
}

function packageJson(name: string): string {
  const manifest = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as {
    readonly version: string;
    readonly dependencies: Record<string, string>;
    readonly devDependencies: Record<string, string>;
  };
  const versions = { ...manifest.dependencies, ...manifest.devDependencies };
  // In a checkout the package that is being worked on, else the release that runs.
  const quorate = existsSync(join(ROOT, ".git")) ? `file:${ROOT}` : manifest.version;
  const made = {
    name: `quorate-module-${name}`,
    version: "0.1.0",
    private: true,
    type: "module",
    scripts: {
      test: "vitest run",
      check: "tsc",
      build: `quorate module build src/${name}.ts`,
      devnet: `quorate devnet --module src/${name}.ts`,
      client: "tsx client.ts",
    },
    dependencies: { quorate },
    devDependencies: Object.fromEntries(TOOLS.map((tool) => [tool, versions[tool]])),
  };
  return JSON.stringify(made, undefined, 2);
}

/** The example with its name replaced, as a word of its own and as the beginning of its faults' codes. */
function renamed(text: string, name: string): string {
  return text.replaceAll(/\bshop\b/g, name).replaceAll(/\bSHOP_/g, `${name.toUpperCase()}_`);
}
