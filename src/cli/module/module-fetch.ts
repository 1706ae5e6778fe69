/** `quorate module fetch`: a module's bundled file from a node that runs it, kept only when it has the hash that was asked for. */
import type { Command } from "commander";
import { hex0x, parseBytes32, utf8 } from "../../base/bytes.ts";
import { sha256 } from "../../crypto/hash.ts";
import { loadModule } from "../../node/modules/load-module.ts";
import { moduleFile } from "../../node/modules/module-files.ts";
import type { Client } from "../../sdk/client.ts";
import { makeFolder, writeWhole } from "../../storage/durable-file.ts";
import { leaf } from "../command.ts";
import { badInput, CliError, EXIT } from "../exit.ts";
import type { Output } from "../output.ts";
import { ask, connect, type RpcOptions, rpcOption } from "../rpc.ts";

interface FetchOptions extends RpcOptions {
  readonly out: string;
}

export function addModuleFetch(module: Command): void {
  leaf<FetchOptions>(
    module,
    "fetch <hash>",
    "fetch a module's bundled file by its SHA-256 from a node that runs it",
    (command) =>
      command
        .addOption(rpcOption())
        .option("-o, --out <dir>", "folder for the file: modules/ of a node's folder", "modules"),
    ({ out, options, args: [hash] }) => fetchModule(out, options, hash as string),
  );
}

async function fetchModule(out: Output, options: FetchOptions, hash: string): Promise<void> {
  if (!hash.startsWith("0x") || parseBytes32(hash) === undefined)
    throw badInput(`expected the SHA-256 of a bundled file (0x and 64 hex digits), found "${hash}"`);
  const wanted = hash.toLowerCase();
  const client = connect(options);
  const file = await ask(client.call("state_getModuleFile", { sha256: wanted }));
  if (file === null || sha256Of(file.text) !== wanted) throw await noSuchModule(client, wanted);
  const loaded = loadModule(file.text);
  if (!loaded.ok) throw new CliError(EXIT.refused, "BAD_ANSWER", `${client.url}: ${loaded.fault.detail}`);
  const { name, version } = loaded.value.form;
  makeFolder(options.out);
  const path = moduleFile(options.out, name, version);
  writeWhole(path, file.text);
  out.result({ name, version, sha256: wanted, file: path, bytes: Buffer.byteLength(file.text) }, [
    `${out.tick} ${path}: ${name} ${version}, ${Buffer.byteLength(file.text)} bytes`,
    `  sha256  ${wanted}`,
  ]);
}

async function noSuchModule(client: Client, wanted: string): Promise<CliError> {
  const runs = await ask(client.call("state_getModules"));
  const others = runs.map(({ name, version, sha256 }) => `${name} ${version} (${sha256 ?? "no file"})`);
  return new CliError(
    EXIT.refused,
    "NO_SUCH_MODULE",
    `${client.url} has no module of SHA-256 ${wanted}; it runs ${others.join(", ") || "none"}`,
  );
}

/** Computed here: what a node says of its file is not asked. */
function sha256Of(text: string): string {
  return hex0x(sha256(utf8(text)));
}
