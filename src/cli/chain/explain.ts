/**
 * `quorate explain`: why the chain moves or does not, as one node sees it, with an exit code for alerts; and
 * `quorate evidence`: which validators are proven to have contradicted themselves. Both ask a node and print.
 */
import type { Command } from "commander";
import { EVIDENCE_LISTED_MAX } from "../../base/limits.ts";
import type { Client, ResultOf } from "../../sdk/client.ts";
import { integer } from "../arguments.ts";
import { leaf } from "../command.ts";
import { EXIT, Finished } from "../exit.ts";
import { type Output, shorten } from "../output.ts";
import { ask, connect, type RpcOptions, rpcOption } from "../rpc.ts";
import { table } from "../table.ts";
import { checkEvidence } from "./evidence-file.ts";

const EXPLAIN_HELP = `
Exit codes: 0 the chain is idle or moves (or the node only follows and has peers), 1 it waits, changes views, lacks a
            quorum or catches up, this validator votes no more, this node has no peer but should, or one more
            failure would halt the chain; 4 no node answered. For alerts: a planned rotation is a view change of
            milliseconds, so alert on a 1 that stays.`;

interface EvidenceOptions extends RpcOptions {
  readonly limit?: number;
  readonly file?: string;
  readonly genesis?: string;
}

export function addExplain(program: Command): void {
  leaf<RpcOptions>(
    program,
    "explain",
    "say in plain words why the chain moves or does not",
    (command) => command.addOption(rpcOption()).addHelpText("after", EXPLAIN_HELP),
    ({ out, options }) => showExplanation(out, connect(options)),
  );
  leaf<EvidenceOptions>(
    program,
    "evidence",
    "list the validators that are proven to have contradicted themselves",
    (command) =>
      command
        .addOption(rpcOption())
        .option("--limit <n>", "records at most, the newest first", integer(1, EVIDENCE_LISTED_MAX), 20)
        .option("--file <file>", 'verify a record ({"evidence": "0x.."}) without a node, by --genesis')
        .option("--genesis <file>", "genesis.json to verify it with"),
    ({ out, options }) =>
      options.file === undefined && options.genesis === undefined
        ? showEvidence(out, connect(options), options.limit)
        : checkEvidence(out, options.file, options.genesis),
  );
}

type Explanation = ResultOf<"consensus_explain">;

/** One line, marked good or bad. */
export function describeVerdict(out: Output, { ok, summary }: Pick<Explanation, "ok" | "summary">): string {
  return `${ok ? out.tick : out.cross} ${ok ? summary : out.style("red", summary)}`;
}

async function showExplanation(out: Output, client: Client): Promise<void> {
  const explanation = await ask(client.call("consensus_explain"));
  // Of several nodes another than the wanted one may have answered.
  const { name, mode } = await ask(client.call("node_info"));
  const asked = { name, mode, url: client.url };
  const details = out.quiet ? [] : explanation.details.map((line) => `  ${line}`);
  const verdict = describeVerdict(out, explanation);
  out.result({ ...explanation, asked }, [verdict, `  asked: ${name} (${mode}) at ${client.url}`, ...details]);
  if (!explanation.ok) throw new Finished(EXIT.failedCheck);
}

async function showEvidence(out: Output, client: Client, limit: number | undefined): Promise<void> {
  const evidence = await ask(client.call("consensus_getEvidence", limit === undefined ? {} : { limit }));
  const rows = evidence.map(({ name, phase, view, height, digests, foundAtMs }) => [
    name,
    phase,
    `${view}`,
    phase === "view-change" ? "-" : `${height}`,
    digests.map(shorten).join(" and "),
    new Date(foundAtMs).toISOString(),
  ]);
  const text = table(["validator", "phase", "view", "height", "signed for both", "found"], rows);
  out.result({ evidence }, rows.length === 0 ? "no validator is known to have contradicted itself" : text);
}
