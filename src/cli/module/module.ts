/**
 * `quorate module`: bundles a module of one's own into the one file that a genesis names by its hash. Needs no node.
 *
 * This folder: commands around declared modules: a new one, its bundled file, its state. Not here: bundling itself
 * (node/modules).
 */
import { basename, join } from "node:path";
import type { Command } from "commander";
import { hex0x } from "../../base/bytes.ts";
import type { ModuleForm } from "../../chain/modules/module-form.ts";
import { upgradeProblems } from "../../chain/modules/module-upgrade.ts";
import { bundleModule } from "../../node/modules/bundle-module.ts";
import { loadModule } from "../../node/modules/load-module.ts";
import { moduleFile, readModuleFile } from "../../node/modules/module-files.ts";
import { makeFolder, writeWhole } from "../../storage/durable-file.ts";
import { group, leaf } from "../command.ts";
import { CliError, EXIT, valueOrThrow } from "../exit.ts";
import { addModuleFetch } from "./module-fetch.ts";
import { addModuleState } from "./module-state.ts";

interface BuildOptions {
  readonly out: string;
  readonly upgradeOf?: string;
}

interface NewOptions {
  readonly out?: string;
}

export function addModule(program: Command): void {
  const module = group(program, "module", "modules of your own (docs/modules.md)");
  leaf<NewOptions>(
    module,
    "new <name>",
    "write a package with a module, its test, a script that calls it and a README",
    (command) =>
      command.option("--out <dir>", "folder to write; it must not exist (default: the module's name)"),
    async ({ out, options, args: [name] }) => {
      const { newModule } = await import("./new-module.ts");
      const dir = options.out ?? name;
      const files = newModule(name, dir);
      out.result({ name, dir, files }, [
        `${out.tick} ${dir}: ${files.join(", ")}`,
        `Next: cd ${dir}; npm install; npm test; npm run devnet`,
      ]);
    },
  );
  leaf<BuildOptions>(
    module,
    "build <file>",
    "bundle a module into one file, and print what a genesis says of it",
    (command) =>
      command
        .option("-o, --out <dir>", "folder for the bundled file", "modules")
        .option(
          "--upgrade-of <file>",
          "bundled file of the version before: what it wrote must stay readable",
        ),
    async ({ out, options, args: [file] }) => {
      const { text, hash, code } = valueOrThrow(await bundleModule(file));
      if (options.upgradeOf !== undefined) checkUpgrade(file, code.form, options.upgradeOf);
      const { name, version, calls, state, events } = code.form;
      makeFolder(options.out);
      const path = moduleFile(options.out, name, version);
      writeWhole(path, text);
      const entry = { name, number: 16, version, hash: hex0x(hash) };
      out.result({ ...entry, file: path, bytes: text.length }, [
        `${out.tick} ${path}: ${name} ${version}, ${text.length} bytes`,
        `  calls   ${calls.map((one) => one.name).join(", ")}`,
        `  state   ${state.map((one) => one.name).join(", ") || "none"}`,
        `  events  ${events.map((one) => one.name).join(", ") || "none"}`,
        `  sha256  ${hex0x(hash)}`,
        `In genesis.json, modules.list: ${JSON.stringify(entry)}`,
        `and in each home: ${join("modules", basename(path))}`,
        `On a running chain: quorate gov propose module ${path} --from NAME`,
      ]);
    },
  );
  addModuleFetch(module);
  addModuleState(module);
}

/** @throws CliError 1 when bytes that the old version wrote would mean something else */
function checkUpgrade(file: string, form: ModuleForm, oldFile: string): void {
  const old = loadModule(valueOrThrow(readModuleFile(oldFile)));
  if (!old.ok) throw new CliError(EXIT.badInput, "MALFORMED", `${oldFile}: ${old.fault.detail}`);
  const problems = upgradeProblems(old.value.form, form);
  if (problems.length === 0) return;
  throw new CliError(
    EXIT.failedCheck,
    "NO_UPGRADE",
    `${file}: not an upgrade of ${oldFile}: ${problems.join("; ")}`,
  );
}
