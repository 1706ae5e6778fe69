/**
 * `quorate miner`: the hand on a node that mines: start, stop, who is paid, blocks on demand. It asks the node; what
 * is mined and whether it may be is decided there.
 */

import type { Command } from "commander";
import { must } from "../../base/assert.ts";
import { hex0x } from "../../base/bytes.ts";
import { isDecimal } from "../../base/decimal.ts";
import { GENERATE_BLOCKS_MAX, MINING_THREADS_MAX } from "../../base/limits.ts";
import type { Client, ResultOf } from "../../sdk/client.ts";
import { integer } from "../arguments.ts";
import { group, leaf } from "../command.ts";
import { badInput } from "../exit.ts";
import { type Output, showRate } from "../output.ts";
import { ask, connect, type RpcOptions, rpcOption } from "../rpc.ts";
import { type NameOptions, nameOptions, resolveAddress } from "../tx/names.ts";

interface MinerOptions extends RpcOptions, NameOptions {
  readonly threads?: number;
  readonly coinbase?: string;
}

type Status = ResultOf<"miner_status">;

const COINBASE = "account that is paid: a name, 0x… or a key file";

export function addMiner(program: Command): void {
  const miner = group(program, "miner", "mine with a running node, or stop it");
  const withNode = (command: Command) => nameOptions(command.addOption(rpcOption()));
  const withCoinbase = (command: Command) => withNode(command).option("--coinbase <account>", COINBASE);
  leaf<MinerOptions>(
    miner,
    "status",
    "show whether the node mines, how fast and for whom",
    withNode,
    (context) => showStatus(context.out, ask(connect(context.options).call("miner_status"))),
  );
  leaf<MinerOptions>(
    miner,
    "start",
    "begin to mine, or go on with other threads",
    (command) =>
      withCoinbase(command).option(
        "--threads <n>",
        "as many as before by default",
        integer(1, MINING_THREADS_MAX),
      ),
    async ({ out, options }) => {
      const { threads } = options;
      const order = { ...(await payee(options)), ...(threads === undefined ? {} : { threads }) };
      await showStatus(out, ask(connect(options).call("miner_start", order)));
    },
  );
  leaf<MinerOptions>(miner, "stop", "mine no more", withNode, ({ out, options }) =>
    showStatus(out, ask(connect(options).call("miner_stop"))),
  );
  leaf<MinerOptions>(
    miner,
    "coinbase <account>",
    "say who is paid from the next block on",
    withNode,
    async ({ out, options, args: [account] }) => {
      const { address } = await resolveAddress(account, options);
      await showStatus(out, ask(connect(options).call("miner_setCoinbase", { address: hex0x(address) })));
    },
  );
  leaf<MinerOptions>(
    miner,
    "generate [blocks]",
    "mine so many blocks now (1 by default); on dev chains that are easy enough",
    withCoinbase,
    async ({ out, options, args: [count = "1"] }) => {
      const blocks = isDecimal(count, 9) ? Number(count) : 0;
      if (blocks < 1 || blocks > GENERATE_BLOCKS_MAX) {
        throw badInput(`blocks: expected an integer from 1 to ${GENERATE_BLOCKS_MAX}, found "${count}"`);
      }
      await generate(out, connect(options), { blocks, ...(await payee(options)) });
    },
  );
}

/** Blocks mined before a refusal stay, and the refusal says how many. */
async function generate(
  out: Output,
  client: Client,
  order: { readonly blocks: number; readonly coinbase?: string },
): Promise<void> {
  const hashes = await ask(client.call("miner_generate", order));
  const { height } = await ask(client.call("node_status"));
  const words = hashes.length === 1 ? "1 block" : `${hashes.length} blocks`;
  const last = hashes.at(-1) ?? "";
  out.result({ hashes, height }, `${out.tick} mined ${words}: height ${height}  ${last}`);
}

async function payee(options: MinerOptions): Promise<{ readonly coinbase?: string }> {
  if (options.coinbase === undefined) return {};
  return { coinbase: hex0x((await resolveAddress(options.coinbase, options)).address) };
}

async function showStatus(out: Output, answer: Promise<Status>): Promise<void> {
  const status = await answer;
  out.result(status, describeStatus(out, status));
}

function describeRefusal(out: Output, { blocksRefused, lastRefused }: Status): string {
  const { height, code, detail } = must(lastRefused ?? undefined, "a block was refused");
  const words = `${blocksRefused} solved here and invalid, the last at height ${height}: ${code}: ${detail}`;
  return `${out.style("red", words)}; please report it`;
}

function describeStatus(out: Output, status: Status): readonly string[] {
  const { mining, threads, hashrate, hashLimit, coinbase, blocksMined, stale, lastRefused } = status;
  const limit = hashLimit === null ? "without a limit" : `limit ${showRate(hashLimit)}`;
  const work = `${threads} ${threads === 1 ? "thread" : "threads"}, ${limit}`;
  const state = mining
    ? `${out.style("green", "mining")} at ${showRate(hashrate)} (${work})`
    : `not mining (${work}); begin with: quorate miner start`;
  const found = `${blocksMined}${stale === 0 ? "" : `, ${stale} of them stale: another block has the place`}`;
  return [
    `miner     ${state}`,
    `coinbase  ${coinbase ?? "nobody is paid yet: quorate miner coinbase ACCOUNT"}`,
    `mined     ${found} since the node started`,
    ...(lastRefused === null ? [] : [`refused   ${describeRefusal(out, status)}`]),
  ];
}
