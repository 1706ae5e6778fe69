/** `quorate module fetch`: a module's bundled file from a node that runs it, kept only when it has the hash that was asked for. */
import type { Command } from "commander";
import { hex0x, parseBytes32, utf8 } from "../../base/bytes.ts";
import { sha256 } from "../../crypto/hash.ts";
import { moduleFile } from "../../node/modules/module-files.ts";
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
  const seen: string[] = [];
  for (const { name, version } of await ask(client.call("state_getModules"))) {
    const file = await ask(client.call("state_getModuleFile", { name }));
    const found = file === null ? undefined : sha256Of(file.text);
    seen.push(`${name} ${version} (${found ?? "no file"})`);
    if (file === null || found !== wanted) continue;
    makeFolder(options.out);
    const path = moduleFile(options.out, name);
    writeWhole(path, file.text);
    out.result({ name, version, sha256: wanted, file: path, bytes: Buffer.byteLength(file.text) }, [
      `${out.tick} ${path}: ${name} ${version}, ${Buffer.byteLength(file.text)} bytes`,
      `  sha256  ${wanted}`,
    ]);
    return;
  }
  const others = seen.join(", ") || "none";
  throw new CliError(
    EXIT.refused,
    "NO_SUCH_MODULE",
    `${client.url} has no module of SHA-256 ${wanted}; it has ${others}`,
  );
}

/** Computed here: what a node says of its file is not asked. */
function sha256Of(text: string): string {
  return hex0x(sha256(utf8(text)));
}
