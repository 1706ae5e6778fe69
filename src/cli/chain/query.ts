/**
 * Commands that ask one node and show the answer: status, block, account, validators, rpc.
 *
 * This folder: commands that ask a running node about its chain, its peers and its miner. Not here: commands that send
 * transactions (cli/tx) or work on a folder (cli/home).
 */

import type { Command } from "commander";
import { hex0x } from "../../base/bytes.ts";
import { isDecimal } from "../../base/decimal.ts";
import { didYouMean } from "../../base/suggest.ts";
import type { Client, MethodName, ResultOf } from "../../sdk/client.ts";
import { leaf } from "../command.ts";
import { badInput, CliError, EXIT } from "../exit.ts";
import { type Output, showCount, showDuration, showHashes, showRate } from "../output.ts";
import { ask, connect, type RpcOptions, rpcOption } from "../rpc.ts";
import { table } from "../table.ts";
import { type NameOptions, nameOptions, resolveAddress } from "../tx/names.ts";
import { describeVerdict } from "./explain.ts";
import {
  addReads,
  asksForLevel,
  type LevelOptions,
  levelledOptions,
  levelOptions,
  listTransactions,
  readAt,
  showLevelAccount,
  showLevelBlock,
} from "./reads.ts";
import { watchSync } from "./sync-watch.ts";

const withRpc = (command: Command) => command.addOption(rpcOption());

export function addQueries(program: Command): void {
  leaf<RpcOptions & { readonly watch?: boolean }>(
    program,
    "status",
    "show where a node and its chain are",
    (command) => withRpc(command).option("--watch", "wait until it has caught up, with a bar"),
    async ({ out, options }) => {
      if (options.watch) await watchSync(out, connect(options));
      await showStatus(out, connect(options));
    },
  );
  leaf<RpcOptions & LevelOptions>(
    program,
    "block [block]",
    "show a block by height, hash or latest, with --level as certain as it is wanted",
    levelledOptions,
    ({ out, options, args: [name] }) => showBlock(out, options, name ?? "latest"),
  );
  leaf<RpcOptions & NameOptions & LevelOptions>(
    program,
    "account <name>",
    "show an account's balance and nonce, with --level as certain as it is wanted",
    (command) => levelOptions(withRpc(nameOptions(command))),
    ({ out, options, args: [name] }) => showAccount(out, options, name),
  );
  addReads(program);
  leaf<RpcOptions>(program, "validators", "list the validators", withRpc, async ({ out, options }) => {
    const validators = await ask(connect(options).call("consensus_getValidators"));
    const rows = validators.map(({ index, id, online, lastSeenSeq, rttMs, publicKey }) => [
      `${index}`,
      id,
      online ? out.style("green", "online") : out.style("red", "offline"),
      lastSeenSeq === null ? "-" : `${lastSeenSeq}`,
      rttMs === null ? "-" : `${rttMs.toFixed(1)} ms`,
      publicKey,
    ]);
    out.result(
      { validators },
      rows.length === 0
        ? "this chain is mined: there are no validators"
        : table(["index", "name", "state", "last seq", "rtt", "public key"], rows),
    );
  });
  leaf<RpcOptions>(
    program,
    "rpc <method> [params...]",
    "call a JSON-RPC method; params as JSON or name=value",
    withRpc,
    ({ out, options, args: [method, params] }) => callMethod(out, connect(options), method, params ?? []),
  );
}

async function showAccount(
  out: Output,
  options: RpcOptions & NameOptions & LevelOptions,
  name: string,
): Promise<void> {
  const { address, label } = await resolveAddress(name, options);
  const shown = label.startsWith("0x") ? label : `${label} ${hex0x(address)}`;
  if (asksForLevel(options)) {
    return showLevelAccount(
      out,
      shown,
      await readAt(options, (client, read) => client.account(address, read)),
    );
  }
  const account = await ask(connect(options).account(address));
  const pending = account.pendingNonce === account.nonce ? "" : `  (${account.pendingNonce} with the pool)`;
  const { maturing } = account;
  const mined =
    maturing === undefined || maturing.sum === "0"
      ? ""
      : `  mined and not spendable yet ${maturing.sum} (the next at height ${maturing.nextHeight})`;
  out.result(
    account,
    `${shown}  balance ${account.balance}${mined}  nonce ${account.nonce}${pending}  at height ${account.height}`,
  );
}

async function showStatus(out: Output, client: Client): Promise<void> {
  const [info, status, validators, explanation] = await ask(
    Promise.all([
      client.call("node_info"),
      client.call("node_status"),
      client.call("consensus_getValidators"),
      client.call("consensus_explain"),
    ]),
  );
  const online = validators.filter((validator) => validator.online).length;
  const { details: _, ...verdict } = explanation;
  const lines = [
    `state      ${describeVerdict(out, verdict)}`,
    `node       ${info.name} (${info.mode})  version ${info.version}  up ${showDuration(info.uptimeMs)}`,
    `chain      ${info.chainId}  genesis ${info.genesisHash}`,
    `height     ${status.height}  ${status.headHash}`,
    `peers      ${status.peers}   mempool ${status.mempool}${describeSync(status)}`,
    `storage    ${describeStorage(status)}`,
    describeConsensus(status, validators, online),
    ...describeSigner(status),
    ...describeEventIndex(status),
  ];
  out.result({ ...info, ...status, validatorsOnline: online, explanation: verdict }, lines);
}

/** Where the validator's key is, if not in the node's home. */
function describeSigner({ signer }: ResultOf<"node_status">): readonly string[] {
  if (signer === undefined) return [];
  const { address, connected, reason, signed, refused, record } = signer;
  const stands = record === null ? "" : `, votes up to height ${record.height} are done`;
  const how = connected ? `${signed} signed, ${refused} refused${stands}` : `CANNOT BE ASKED: ${reason}`;
  return [`signer     ${address}  ${how}`];
}

/** How much of the chain is in the index of events, where there is one. */
function describeEventIndex({ eventIndex, height }: ResultOf<"node_status">): readonly string[] {
  if (eventIndex === undefined) return [];
  const { from, blocks, isBuilt, secondsLeft } = eventIndex;
  if (isBuilt) return [`index      events from height ${from} on`];
  const all = Math.max(1, height + 1 - from);
  const left = secondsLeft === null ? "" : `, ${showDuration(1_000 * secondsLeft)} left`;
  return [
    `index      events, being built: ${Math.floor((100 * blocks) / all)} %, ${showCount(blocks)} of ${showCount(all)} blocks${left}`,
  ];
}

/** How far the node is, and where headers come first, which of the two it fetches. */
function describeStorage({ storage }: Pick<ResultOf<"node_status">, "storage">): string {
  const { mode, firstHeight, lowestBody, assumed } = storage;
  if (assumed !== undefined) return describeAssumed(mode, assumed);
  if (lowestBody > firstHeight)
    return `${mode}: bodies and receipts from height ${lowestBody} on, all headers`;
  return firstHeight > 1
    ? `${mode}: blocks from height ${firstHeight} on (it began from a snapshot)`
    : `${mode}: every block`;
}

function describeAssumed(
  mode: string,
  { height, checked, percent }: NonNullable<ResultOf<"node_status">["storage"]["assumed"]>,
): string {
  const done = `${showCount(checked)} of ${showCount(height)} blocks executed, ${percent} %`;
  return `${mode}: assumed: it began from a snapshot of block ${height} whose history is being checked: ${done}`;
}

export function describeSync({ syncing }: Pick<ResultOf<"node_status">, "syncing">): string {
  if (syncing === false) return "";
  const { current, target, targetVerified, phase } = syncing;
  switch (phase) {
    case undefined:
      return targetVerified
        ? `   catching up from ${current} to ${target}`
        : `   catching up from ${current}; a peer claims height ${target}, unverified`;
    case "heads":
      return `   catching up: fetching headers, ${target} so far; blocks executed up to ${current}`;
    case "bodies":
      return `   catching up: headers are known up to ${target}, fetching bodies from ${current}`;
  }
}

function describeConsensus(
  { consensus }: ResultOf<"node_status">,
  validators: ResultOf<"consensus_getValidators">,
  online: number,
): string {
  if (consensus === null) return "consensus  followed, not taken part in";
  if (!("quorum" in consensus)) {
    const { difficulty, totalWork, hashrate, mining, finalityDepth } = consensus;
    const all = hashrate === null ? "" : `  all miners about ${showRate(hashrate)}`;
    const own = mining ? "this node mines" : "this node does not mine";
    return `consensus  mined: ${showHashes(difficulty)} a block, ${showCount(Number(totalWork))} in all${all}  ${own}  final with ${finalityDepth} blocks on top`;
  }
  const { view, primary, mode, quorum, n } = consensus;
  const leader = `primary ${validators[primary]?.id ?? primary}`;
  return `consensus  view ${view}  ${leader}  ${mode}  ${online} of ${n} online, quorum ${quorum}`;
}

type Seal = NonNullable<ResultOf<"chain_getBlock">>["consensus"];

function describeSeal(seal: Seal, named: (validator: number) => string): string {
  if (!("commits" in seal))
    return `nonce ${seal.nonce}, bits ${seal.bits}, ${showCount(Number(seal.work))} hashes of work`;
  const signers = seal.commits.map((commit) => named(commit.validator)).join(", ");
  return `view ${seal.view}, signed by validators ${signers}`;
}

async function showBlock(out: Output, options: RpcOptions & LevelOptions, name: string): Promise<void> {
  if (!isDecimal(name) && !/^(0x[0-9a-fA-F]{64}|latest|finalized|earliest)$/.test(name)) {
    throw badInput(`expected a height, a block hash, "latest", "finalized" or "earliest", found "${name}"`);
  }
  if (asksForLevel(options))
    return showLevelBlock(out, await readAt(options, (client, read) => client.block(name, read)));
  const client = connect(options);
  const [block, validators] = await ask(
    Promise.all([client.block(name), client.call("consensus_getValidators")]),
  );
  if (block === null) throw new CliError(EXIT.refused, "BLOCK_NOT_FOUND", `the chain holds no block ${name}`);
  const named = (index: number) => `${index} (${validators[index]?.id ?? "unknown"})`;
  const lines = describeBlock(block, named);
  out.result(block, lines);
}

type ShownBlock = NonNullable<ResultOf<"chain_getBlock">>;

/** Describes a block in lines for people. */
export function describeBlock(block: ShownBlock, named: (validator: number) => string): readonly string[] {
  const { consensus, txs, branch } = block;
  const seal = block.height === 0 ? "genesis, needs none" : describeSeal(consensus, named);
  const proposer =
    "commits" in consensus ? `   proposer ${block.height === 0 ? "none" : named(block.proposer)}` : "";
  return [
    `block      ${block.height}  ${block.hash}`,
    ...(branch === undefined ? [] : [`branch     ${describeBranch(branch)}`]),
    `parent     ${block.parentHash}`,
    `time       ${new Date(block.time).toISOString()}${proposer}`,
    `seal       ${seal}`,
    `state      ${block.stateRoot}`,
    ...listTransactions(
      block.txCount,
      txs?.map((tx) => (typeof tx === "string" ? tx : tx.txHash)),
      block.size,
    ),
  ];
}

/** Where a block stands that the chain does not hold. */
function describeBranch({ status, forkHeight }: NonNullable<ShownBlock["branch"]>): string {
  return `NOT on the active chain: its branch leaves the chain after block ${forkHeight}; ${BRANCH_WORDS[status]}`;
}

const BRANCH_WORDS: Readonly<Record<NonNullable<ShownBlock["branch"]>["status"], string>> = {
  "valid-fork": "it was executed here once, and what it holds is not included by it",
  "valid-headers": "its body is here and was never executed, so nothing says that it is valid",
  "headers-only": "only its header is known here",
  invalid: "it or a block before it is invalid, or was taken away by the operator",
};

async function callMethod(
  out: Output,
  client: Client,
  method: string,
  words: readonly string[],
): Promise<void> {
  // Loaded here, because the other commands need no schemas.
  const { METHOD_TABLE } = await import("../../rpc/methods/method-table.ts");
  if (!METHOD_TABLE.has(method)) {
    const known = [...METHOD_TABLE.keys()];
    throw badInput(`no method "${method}"${didYouMean(method, known) || `; there are ${known.join(", ")}`}`);
  }
  // The node checks the params by the method's own schema.
  const call = client.call.bind(client) as (method: string, params: unknown) => Promise<unknown>;
  const answer = await ask(call(method as MethodName, parseParams(words)));
  out.document(answer);
}

/** One JSON object or array, or words such as block=latest whose values are JSON or plain text. */
export function parseParams(words: readonly string[]): unknown {
  if (words.length === 0) return undefined;
  const [first] = words as [string];
  if (words.length === 1 && /^\s*[[{]/.test(first)) {
    const params = parseJson(first);
    if (params === undefined) throw badInput(`not JSON: ${first}`);
    if (/-?[0-9]/.test(first)) JSON.parse(first, refuseRounded);
    return params;
  }
  return Object.fromEntries(
    words.map((word) => {
      const at = word.indexOf("=");
      if (at < 1) throw badInput(`expected name=value or one JSON object, found "${word}"`);
      const text = word.slice(at + 1);
      const value = parseJson(text);
      return [word.slice(0, at), value === undefined || isRounded(value) ? text : value];
    }),
  );
}

/** JSON.parse may have made another number of what was written. */
function isRounded(value: unknown): boolean {
  return typeof value === "number" && Math.abs(value) > Number.MAX_SAFE_INTEGER;
}

function refuseRounded(name: string, value: unknown): unknown {
  if (isRounded(value)) throw badInput(`${name}: numbers above 2^53 - 1 lose digits in JSON: write a string`);
  return value;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
