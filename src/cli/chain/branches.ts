/**
 * `quorate chain`: the branches of a mined chain as one node knows them, and the changes from one to another that it
 * went through. It asks and prints.
 */
import type { Command } from "commander";
import { must } from "../../base/assert.ts";
import { REORGS_KEPT_MAX } from "../../base/limits.ts";
import type { ResultOf } from "../../sdk/client.ts";
import { integer } from "../arguments.ts";
import { group, leaf } from "../command.ts";
import { type Output, showCount } from "../output.ts";
import { ask, connect, type RpcOptions, rpcOption } from "../rpc.ts";
import { table } from "../table.ts";

interface ReorgOptions extends RpcOptions {
  readonly limit: number;
  readonly all?: boolean;
}

type Reorgs = ResultOf<"chain_getReorgs">;

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
      command
        .addOption(rpcOption())
        .option("--limit <n>", "how many are shown at most", integer(1, REORGS_KEPT_MAX), 20)
        .option(
          "--all",
          "of every node of --rpc or of the devnet: only the lighter side of a fork changes its branch",
        ),
    ({ out, options }) => (options.all === true ? showReorgsOfAll(out, options) : showReorgs(out, options)),
  );
}

async function showReorgs(out: Output, options: ReorgOptions): Promise<void> {
  const client = connect(options);
  const [{ name }, reorgs] = await ask(
    Promise.all([client.call("node_info"), client.call("chain_getReorgs", { limit: options.limit })]),
  );
  const hint = options.rpc.length > 1 ? "; --all asks every node" : "";
  out.result(
    { reorgs },
    reorgs.length === 0
      ? `${name} never left a branch for another${hint}`
      : tableOfReorgs([{ name, reorgs }]),
  );
}

/** A node that gives no answer is named and ends the command with the code of its failure, after the others' answers. */
async function showReorgsOfAll(out: Output, { rpc, limit }: ReorgOptions): Promise<void> {
  const answers = await Promise.allSettled(
    rpc.map(async (url) => {
      const client = connect({ rpc: [url] });
      const [{ name }, reorgs] = await ask(
        Promise.all([client.call("node_info"), client.call("chain_getReorgs", { limit })]),
      );
      return { name, url, reorgs };
    }),
  );
  const nodes = answers.flatMap((answer) => (answer.status === "fulfilled" ? [answer.value] : []));
  const failures = answers.flatMap((answer) =>
    answer.status === "rejected" ? [answer.reason as Error] : [],
  );
  const [failure] = failures;
  if (nodes.length === 0) throw must(failure, "who did not answer failed");
  const quiet = nodes.filter(({ reorgs }) => reorgs.length === 0).map(({ name }) => name);
  out.result({ nodes }, [
    ...(quiet.length === nodes.length ? [] : tableOfReorgs(nodes)),
    ...(quiet.length === 0 ? [] : [`${quiet.join(", ")} never left a branch for another`]),
  ]);
  for (const { message } of failures.slice(1)) out.warn(message);
  if (failure !== undefined) throw failure;
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

function tableOfReorgs(
  nodes: readonly { readonly name: string; readonly reorgs: Reorgs }[],
): readonly string[] {
  const rows = nodes.flatMap(({ name, reorgs }) =>
    reorgs.map(({ atMs, depth, entered, dropped, oldHead, newHead }) => [
      name,
      new Date(atMs).toISOString(),
      `${depth}`,
      `${entered}`,
      `${dropped}`,
      `…${oldHead.slice(-12)}`,
      `…${newHead.slice(-12)}`,
    ]),
  );
  return table(["node", "time", "left", "entered", "txs returned", "from", "to"], rows);
}
