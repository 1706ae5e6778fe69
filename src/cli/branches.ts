/**
 * `quorate chain`: the branches of a mined chain as one node knows them, and the changes from one to another that it
 * went through. It asks and prints.
 */
import type { Command } from "commander";
import { REORGS_KEPT_MAX } from "../base/limits.ts";
import type { ResultOf } from "../rpc/client.ts";
import { integer } from "./arguments.ts";
import { group, leaf } from "./command.ts";
import { type Output, showCount } from "./output.ts";
import { ask, connect, type RpcOptions, rpcOption } from "./rpc.ts";
import type { Text } from "./styledtext.ts";
import { table } from "./table.ts";

interface ReorgOptions extends RpcOptions {
  readonly limit: number;
}

type Tip = ResultOf<"chain_getTips">[number];

export function addBranches(program: Command): void {
  const chain = group(program, "chain", "look at the branches of a mined chain");
  leaf<RpcOptions>(
    chain,
    "tips",
    "list the ends of all known branches, the active one first",
    (command) => command.addOption(rpcOption()),
    async ({ out, options }) => {
      const tips = await ask(connect(options).call("chain_getTips"));
      out.result({ tips }, describeTips(out, tips));
    },
  );
  leaf<ReorgOptions>(
    chain,
    "reorgs",
    "list the changes of branch that the node went through, the newest first",
    (command) =>
      command.addOption(rpcOption()).option("--limit <n>", "at most", integer(1, REORGS_KEPT_MAX), 20),
    async ({ out, options }) => {
      const reorgs = await ask(connect(options).call("chain_getReorgs", { limit: options.limit }));
      out.result({ reorgs }, describeReorgs(reorgs));
    },
  );
}

function describeTips(out: Output, tips: readonly Tip[]): readonly string[] {
  const rows = tips.map(({ height, hash, branchLength, totalWork, status }) => [
    `${height}`,
    status === "active" ? out.style("green", status) : status,
    branchLength === 0 ? "-" : `${branchLength}`,
    `${showCount(Number(totalWork))}`,
    hash,
  ]);
  return table(["height", "status", "own blocks", "work", "tip"], rows);
}

function describeReorgs(reorgs: ResultOf<"chain_getReorgs">): Text {
  if (reorgs.length === 0) return "this node never left a branch for another";
  const rows = reorgs.map(({ atMs, depth, entered, dropped, oldHead, newHead }) => [
    new Date(atMs).toISOString(),
    `${depth}`,
    `${entered}`,
    `${dropped}`,
    `…${oldHead.slice(-12)}`,
    `…${newHead.slice(-12)}`,
  ]);
  return table(["time", "left", "entered", "txs returned", "from", "to"], rows);
}
