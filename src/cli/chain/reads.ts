/**
 * Reads with a chosen level: `quorate read PATH`, and what `quorate account`, `block` and `tx show` show with --level. What was checked is printed, the
 * rest by name, and every node that was not believed.
 */
import { type Command, Option } from "commander";
import {
  type BlockRecord,
  type Client,
  READ_LEVELS,
  type ReadAnswer,
  ReadError,
  type ReadLevel,
  type ReadOptions,
} from "../../sdk/client.ts";
import { integer } from "../arguments.ts";
import { dirOption, leaf } from "../command.ts";
import { devnetOption } from "../devnet/devnet-lookup.ts";
import { badInput, CliError, EXIT } from "../exit.ts";
import type { Output } from "../output.ts";
import { ask, connect, type RpcOptions, rpcOption } from "../rpc.ts";
import { type TrustOptions, trustOf, trustOptions } from "../tx/trust.ts";

export interface LevelOptions extends TrustOptions {
  readonly level?: ReadLevel;
  readonly minHeight?: number;
  readonly timeout?: number;
}

const LEVELS =
  "one: what a node says; agreed: f+1 nodes say the same; proven: with certificate and Merkle path; latest: proven, and not older than anything that was final before";

const HELP = `
PATH is account/ADDRESS, anchor/DIGEST[/SENDER] (0x-hex), or of a declared module MODULE/MAP/KEY.
Give several nodes with --rpc A,B,C: agreed takes f+1 of them, latest more than half (3 of 4 validators).
The genesis that is trusted is --genesis FILE, else that of the devnet or home here, if it is of the node's chain.
docs/reads.md says what each level costs and promises.

Examples:
  quorate account bob --level proven --genesis genesis.json
  quorate read registry/assets/0x00..01 --level latest --rpc http://a:18545,http://b:18545,http://c:18545`;

export function addReads(program: Command): void {
  leaf<RpcOptions & LevelOptions>(
    program,
    "read <path>",
    "read a value of the state at a chosen level of certainty",
    (command) => levelledOptions(command).addHelpText("after", HELP),
    async ({ out, options, args: [path] }) => {
      const answer = await readAt(options, (client, read) => client.read(path, read));
      const value = answer.value === null ? "nothing" : JSON.stringify(answer.value);
      out.result(answer, [`${path}  ${value}`, ...describeRead(answer)]);
    },
  );
}

export function levelOptions(command: Command): Command {
  return trustOptions(command)
    .addOption(new Option("--level <level>", LEVELS).choices(READ_LEVELS))
    .addOption(
      new Option("--min-height <height>", "wait for an answer from this block on").argParser(
        integer(0, Number.MAX_SAFE_INTEGER),
      ),
    )
    .addOption(
      new Option("--timeout <ms>", "how long to ask nodes").default(10_000).argParser(integer(1, 3_600_000)),
    );
}

/** Anything that the word of one node alone cannot give. */
export function asksForLevel({ level, minHeight, genesis, faults }: LevelOptions): boolean {
  return [level, minHeight, genesis, faults].some((option) => option !== undefined);
}

/** @throws CliError that names who said what */
export async function readAt<T>(
  options: RpcOptions & LevelOptions,
  read: (client: Client, options: ReadOptions) => Promise<ReadAnswer<T>>,
): Promise<ReadAnswer<T>> {
  const { level, minHeight, timeout: timeoutMs } = options;
  const hash = options.genesis === undefined && level !== "one" ? await claimedHash(options) : undefined;
  const client = connect(options, trustOf(options, hash));
  try {
    return await read(client, { level, minHeight, timeoutMs });
  } catch (error) {
    if (error instanceof RangeError) throw badInput(error.message);
    if (!(error instanceof ReadError)) return ask(Promise.reject(error));
    const more = [
      ...error.disbelieved.map(({ node, said }) => `not believed: ${node}: ${said}`),
      ...error.answers
        .filter(({ node }) => !error.disbelieved.some((one) => one.node === node))
        .map(({ node, said }) => `${node}: ${said}`),
    ];
    const code = error.name
      .replace(/Error$/, "")
      .replace(/([a-z])([A-Z])/g, "$1_$2")
      .toUpperCase();
    // Refuted is another matter than not answered.
    const exit = error.disbelieved.length > 0 ? EXIT.failedCheck : EXIT.timedOut;
    throw new CliError(exit, code, error.summary, { cause: error, more });
  }
}

/** The hash by which the genesis file of this machine is found: a false one finds none. */
async function claimedHash(options: RpcOptions): Promise<string> {
  const { genesisHash } = await ask(connect(options).call("node_info"));
  return genesisHash;
}

/** Adds the options that say whose genesis is trusted: `--dir` and `--devnet`. */
export function levelledOptions(command: Command): Command {
  return levelOptions(command.addOption(rpcOption()).addOption(dirOption()).addOption(devnetOption()));
}

/** Describes an answer in lines for people. */
export function describeRead(answer: ReadAnswer<unknown>): readonly string[] {
  const { level, height, blockHash, timeMs, checked, unchecked, nodes, signers, disbelieved } = answer;
  const list = (words: readonly string[]) => (words.length === 0 ? "nothing" : words.join(", "));
  return [
    `level      ${level}, at height ${height}  ${blockHash}  ${new Date(timeMs).toISOString()}`,
    `checked    ${list(checked)}`,
    `unchecked  ${list(unchecked)}`,
    `nodes      ${nodes.join(", ")}`,
    ...(signers.length === 0 ? [] : [`signed by  ${signers.join(", ")}`]),
    ...disbelieved.map(({ node, said }) => `NOT BELIEVED  ${node}: ${said}`),
  ];
}

export function showLevelBlock(out: Output, answer: ReadAnswer<BlockRecord>): void {
  const { hash, height, timeMs, parentHash, epoch, stateRoot, transactions } = answer.value;
  out.result(answer, [
    `block      ${height}  ${hash}`,
    `parent     ${parentHash}`,
    `time       ${new Date(timeMs).toISOString()}   epoch ${epoch}`,
    `state      ${stateRoot}`,
    ...listTransactions(
      transactions.length,
      transactions.map(({ txHash }) => txHash),
    ),
    ...describeRead(answer),
  ]);
}

const TXS_SHOWN = 20;

/** @param hashes undefined: the body is not here */
export function listTransactions(
  count: number,
  hashes: readonly string[] | undefined,
  size?: number,
): readonly string[] {
  const bytes = size === undefined ? "" : `   ${size} bytes`;
  return [
    `txs        ${count}${bytes}${hashes === undefined ? "   the body is not here" : ""}`,
    ...(hashes ?? []).slice(0, TXS_SHOWN).map((hash) => `  ${hash}`),
    ...(count > TXS_SHOWN && hashes !== undefined
      ? [`  … ${count - TXS_SHOWN} more (--json shows all)`]
      : []),
  ];
}

export function showLevelAccount(
  out: Output,
  shown: string,
  answer: ReadAnswer<{ readonly balance: string; readonly nonce: number }>,
): void {
  const { balance, nonce } = answer.value;
  out.result(answer, [`${shown}  balance ${balance}  nonce ${nonce}`, ...describeRead(answer)]);
}
