/**
 * Which nodes a command asks that was not told: those of the devnet in --devnet that run, found by its control socket;
 * where no devnet runs, the port that nodes have by default.
 */
import { existsSync } from "node:fs";
import { type Command, Option } from "commander";
import { CliError, EXIT } from "../exit.ts";
import type { Output } from "../output.ts";
import { askDevnet, controlPath, type NodeReport } from "./devnet-control.ts";
import { DEFAULT_DEVNET_DIR, devnetFlag } from "./devnet-dir.ts";

type DevnetNodeState = Pick<NodeReport, "name" | "state" | "rpcUrl">;

/** Every command that asks a node has it. */
export function devnetOption(): Option {
  return new Option(
    "--devnet <dir>",
    "folder of the devnet, whose nodes are asked and whose names are known",
  ).default(DEFAULT_DEVNET_DIR);
}

interface Asking {
  rpc: readonly string[];
  readonly devnet: string;
}

/**
 * Puts the devnet's nodes in place of the default --rpc; what was said by flag or variable stands.
 * @throws CliError when a devnet runs and none of its nodes does, or when --devnet names a folder where none runs
 */
export async function findNodes(out: Output, command: Command, options: object): Promise<void> {
  if (!command.options.some((option) => option.long === "--rpc")) return;
  if (command.getOptionValueSource("rpc") !== "default") return;
  const asking = options as Asking;
  const dir = asking.devnet;
  const isSaid = command.getOptionValueSource("devnet") !== "default";
  if (!isSaid && !existsSync(controlPath(dir))) return;
  const nodes = await nodesOf(dir, isSaid);
  if (nodes === undefined) return;
  const running = nodes.filter(({ state }) => state === "running");
  const others = nodes.filter(({ state }) => state !== "running");
  const [asked] = running;
  if (asked === undefined) {
    const states = others.map(({ name, state }) => `${name} ${state}`).join(", ");
    const message = `no node of the devnet in ${dir} runs (${states}); start one with: quorate devnet restart 0${devnetFlag(dir)}`;
    throw new CliError(EXIT.unreachable, "UNREACHABLE", message);
  }
  asking.rpc = running.map(({ rpcUrl }) => rpcUrl);
  const [first] = nodes;
  if (first !== undefined && first.state !== "running")
    out.note(`asking ${asked.name}, because ${first.name} is ${first.state}`);
}

async function nodesOf(dir: string, isSaid: boolean): Promise<readonly DevnetNodeState[] | undefined> {
  try {
    return await askDevnet<readonly DevnetNodeState[]>(dir, "GET", "/nodes");
  } catch (error) {
    // Left behind by a devnet that was killed.
    if (!isSaid && error instanceof CliError && error.code === "NO_DEVNET") return undefined;
    throw error;
  }
}
