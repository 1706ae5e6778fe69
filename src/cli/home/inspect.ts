/**
 * `quorate inspect`: the chain of a stopped node by the JSON-RPC of a running one, read-only and on loopback, until it is
 * told to stop. So every command that asks a node can ask it: status, block, account, tx get, rpc.
 */

import { existsSync, readFileSync } from "node:fs";
import type { Command } from "commander";
import { loadConfig } from "../../node/home/config.ts";
import { readTextFile } from "../../node/home/text-file.ts";
import { port } from "../arguments.ts";
import { dirOption, leaf } from "../command.ts";
import { valueOrThrow } from "../exit.ts";
import type { Output } from "../output.ts";
import { outliveReader } from "../terminal.ts";
import { withDatabase, withStoppedHome } from "./stopped-home.ts";

interface InspectOptions {
  readonly dir: string;
  readonly rpcPort?: number;
}

const HELP = `
The node of this folder must be stopped, and cannot start meanwhile. Methods that read are answered, as by a node that
has no peers; others are not known. Nothing of the chain, the journal or the keys is changed. Ctrl-C ends it.

Exit codes: 0 told to stop, 2 wrong input, 6 the node is running or the port is taken`;

export function addInspect(program: Command): void {
  leaf<InspectOptions>(
    program,
    "inspect",
    "answer read-only JSON-RPC from a stopped node's folder",
    (command) =>
      command
        .addOption(dirOption())
        .option(
          "--rpc-port <port>",
          "TCP port on 127.0.0.1, 0 takes a free one; rpc.port of the folder if left out",
          port,
        )
        .addHelpText("after", HELP),
    ({ out, options }) => run(out, options),
  );
}

async function run(out: Output, { dir, rpcPort }: InspectOptions): Promise<void> {
  outliveReader();
  const [{ inspect }, { openLog }] = await Promise.all([
    import("../../node/inspect.ts"),
    import("../../node/assembly/system.ts"),
  ]);
  await withStoppedHome({ dir }, (home) =>
    withDatabase(home, async (kv) => {
      const { config: configFile, genesis: genesisFile } = home.paths;
      const file = existsSync(configFile) ? valueOrThrow(readTextFile(configFile)) : undefined;
      const { config } = valueOrThrow(loadConfig({ file, environment: process.env }));
      const genesisJson = readFileSync(genesisFile, "utf8");
      const { logger } = openLog({ ...config.log.levels, level: "warn" }, undefined);
      const stopping = stopSignal();
      const failed = (error: unknown) => stopping.stop(error);
      const options = {
        home: { genesis: home.genesis, genesisJson },
        config,
        port: rpcPort ?? config.rpc.port,
      };
      const inspection = await inspect(options, { kv, log: logger, failed });
      const { url, height } = inspection;
      out.result({ rpcUrl: url, height: Number(height), readOnly: true, pid: process.pid }, [
        `${config.name} (stopped, read-only) at height ${height}`,
        `  rpc   ${url}`,
      ]);
      const failure = await stopping.asked;
      await inspection.stop();
      if (failure !== undefined) throw failure;
    }),
  );
}

/** Resolves once: with undefined when it is told to stop, with the error that ends it. */
function stopSignal() {
  let stop: (error?: unknown) => void = () => undefined;
  const asked = new Promise<unknown>((resolve) => {
    stop = resolve;
  });
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => stop());
  return { asked, stop };
}
