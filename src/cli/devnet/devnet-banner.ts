/**
 * What a devnet says when it is ready: its nodes, accounts and addresses, and what to try next. Words alone; starting
 * and watching are devnet.ts's.
 */
import { relative } from "node:path";
import { must } from "../../base/assert.ts";
import { hex0x, showHash } from "../../base/bytes.ts";
import { computeGenesisHash } from "../../chain/genesis/genesis-state.ts";
import { quorumOf } from "../../consensus/pbft/quorum.ts";
import { devMining } from "../../node/home/mining-profiles.ts";
import { packageVersion } from "../../node/home/package-version.ts";
import { Client } from "../../sdk/client.ts";
import { type Output, shorten, showCount, showDuration, showRate } from "../output.ts";
import { ask } from "../rpc.ts";
import { table } from "../table.ts";
import type { DevnetReport } from "./devnet-control.ts";
import { devnetFlag } from "./devnet-dir.ts";
import { isPrimary } from "./devnet-monitor.ts";
import type { DevnetNode, DevnetOrigin, DevnetPlan } from "./devnet-plan.ts";

const ACCOUNTS_SHOWN = 4;

/** What of the command line is repeated in the words. */
interface Shown {
  readonly devnet: string;
  readonly seed: string;
}

export interface BannerIntroduction {
  readonly origin: DevnetOrigin;
  readonly nodes: readonly DevnetNode[];
  readonly plan: DevnetPlan;
  readonly report: DevnetReport;
  readonly readyMs: number;
  readonly explorerUrl: string;
  /** The balances of the accounts that are shown, as they are now. */
  readonly balances: readonly string[];
}

/** A devnet that goes on has other balances than its genesis. */
export async function currentBalances({ nodes }: DevnetReport, { accounts }: DevnetPlan): Promise<string[]> {
  const client = new Client(must(nodes[0], "a devnet has nodes").rpcUrl);
  const shown = accounts.slice(0, ACCOUNTS_SHOWN);
  return Promise.all(shown.map(async ({ address }) => (await ask(client.account(address))).balance));
}

export function introduce(out: Output, options: Shown, introduction: BannerIntroduction): readonly string[] {
  const { origin, plan, report, readyMs, balances, explorerUrl } = introduction;
  const { genesis, accounts } = plan;
  const { title, columns, rows, notes, trials } =
    origin.spacing === undefined
      ? introduceValidators(report)
      : introduceMiners(introduction, origin.spacing);
  const genesisHash = showHash(computeGenesisHash(genesis));
  const where = relative(process.cwd(), options.devnet) || ".";
  const shown = accounts.slice(0, ACCOUNTS_SHOWN);
  const more = accounts.length - shown.length;
  const rpc = must(report.nodes[0], "a devnet has nodes").rpcUrl;
  // Deep enough to be called final takes longer than anyone wants to wait for the first try.
  const waitFlag = origin.spacing === undefined ? "" : " --wait included";
  const flag = devnetFlag(options.devnet);
  const [payer = "alice", payee = payer] = accounts.map((account) => account.name);
  const whole = `quorate ${packageVersion()} · ${title} · chain-id ${genesis.chainId} · genesis ${shorten(genesisHash)}`;
  const lines = [
    out.style("bold", whole),
    "",
    ...table(columns, rows),
    ...notes,
    "",
    out.style("yellow", "Accounts (DEV ONLY — these keys are public; never use them on a real network)"),
    ...shown.map(({ name, address }, i) => `  ${name.padEnd(6)} ${hex0x(address)}  ${balances[i]}`),
    `  ${more > 0 ? `… ${more} more, and the` : "The"} secret keys: npx quorate devnet accounts${flag}`,
    "",
    `Explorer ${rpc}/explorer`,
    `  with all nodes, and buttons to kill and cut off nodes (the token is for you alone): ${explorerUrl}`,
    `RPC      ${rpc}   (WebSocket ${rpc.replace("http", "ws")}/ws, metrics ${rpc}/metrics)`,
    `Data     ${where} (deterministic seed "${options.seed}")   Logs  ${where}/node*/logs/node.log`,
    "",
    `${out.style("green", `Ready in ${showDuration(readyMs)}.`)}  Ctrl-C stops all nodes.  Try in another terminal:`,
    ...(accounts.length === 0
      ? []
      : [`  npx quorate tx transfer --from ${payer} --to ${payee} --amount 5${waitFlag}${flag}`]),
    ...trials(flag).map((trial) => `  npx quorate ${trial}`),
    "",
  ];
  return lines;
}

/** What differs between the kinds of networks. */
interface OwnWords {
  readonly title: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
  readonly notes: readonly string[];
  readonly trials: (flag: string) => readonly string[];
}

function introduceValidators(report: DevnetReport): OwnWords {
  const { nodes, voters } = report;
  const n = voters.length;
  const spares = nodes.filter(({ name }) => !voters.includes(name));
  const { f, quorum } = quorumOf(n);
  const primary = nodes.find((node) => isPrimary(node, report));
  const last = nodes.findLast(({ name }) => voters.includes(name))?.index;
  const view = Math.max(...nodes.map((node) => node.view ?? 0));
  const count = `${n} ${n === 1 ? "validator" : "validators"} (f=${f}, quorum=${quorum})`;
  const more =
    spares.length === 0 ? "" : ` and ${spares.length} full ${spares.length === 1 ? "node" : "nodes"}`;
  return {
    title: `PBFT devnet · ${count}${more}`,
    columns: ["node", "mode", "rpc", "p2p", "pid"],
    rows: nodes.map((node) => [
      node.name,
      voters.includes(node.name) ? "validator" : "full node",
      node.rpcUrl,
      `${node.p2pPort}`,
      `${node.pid}${node === primary ? `   ← primary (view ${view})` : ""}`,
    ]),
    notes: [],
    trials: (flag) => [
      `status${flag}`,
      `devnet kill ${last}${flag}; npx quorate devnet restart ${last}${flag}`,
      ...spares.slice(0, 1).map(({ name }) => `devnet add ${name}${flag}`),
    ],
  };
}

function introduceMiners({ plan, report, nodes: started }: BannerIntroduction, spacing: number): OwnWords {
  const { nodes } = report;
  const n = nodes.length;
  const [first = 0] = nodes.flatMap((node) => node.mining?.blockWork ?? []);
  return {
    title: `proof-of-work devnet · ${n} ${n === 1 ? "miner" : "miners"}, a block every ${spacing} s`,
    columns: ["node", "mode", "rpc", "p2p", "pid", "coinbase"],
    rows: nodes.map((node) => [
      node.name,
      "miner",
      node.rpcUrl,
      `${node.p2pPort}`,
      `${node.pid}`,
      shorten(hex0x(must(plan.members[node.index], "every node is a member").publicKey)),
    ]),
    notes: [
      "",
      ...describeLimits(started, showCount(first)),
      `The difficulty adapts to ${spacing} s.`,
      `A coinbase can be spent ${devMining(spacing).maturity} blocks later, by its node's name: --from node0.`,
    ],
    trials: (flag) => [
      `status${flag}`,
      `chain tips${flag}; npx quorate miner status${flag}`,
      `devnet partition ${n - 1}${flag}; npx quorate devnet heal${flag}; npx quorate chain reorgs --all${flag}`,
    ],
  };
}

/** How fast the nodes mine, by what they were started with. */
function describeLimits(nodes: readonly DevnetNode[], hashes: string): string[] {
  const limits = nodes.flatMap(({ hashLimit }) => (hashLimit === undefined ? [] : [hashLimit]));
  if (limits.length < nodes.length)
    return [`About ${hashes} hashes a block; a node without mining.hash_limit takes a whole core.`];
  const [first = 0] = limits;
  const total = limits.reduce((sum, limit) => sum + limit, 0);
  const together = `${showRate(total)} together for about ${hashes} hashes a block.`;
  if (limits.some((limit) => limit !== first)) return [`The nodes mine at ${together}`];
  return [
    `Each node mines with one thread at ${showRate(first)} at most (--hash-limit), so that your machine stays free:`,
    together,
  ];
}
