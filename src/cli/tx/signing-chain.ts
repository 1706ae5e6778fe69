/**
 * What a command signs for: chain id, genesis hash and least fee out of one genesis, whose hash is computed here. A file
 * of this machine (--genesis, the devnet's, the node's own) comes first. A genesis that the node gives is taken when it has
 * the hash that the node calls its chain's: signatures carry that hash, so what is signed by a genesis with one number
 * changed holds on no other chain. Of a remote node the hash must also be what it was at its first use (known-chains.ts).
 */

import { hex0x, showHash } from "../../base/bytes.ts";
import { hasEpochs } from "../../chain/genesis/consensus-parameters.ts";
import type { Client } from "../../sdk/client.ts";
import { openGenesis, type TrustedGenesis } from "../../sdk/trusted-genesis.ts";
import { FEE_UNSAID_MAX } from "../../sdk/wallet.ts";
import { badInput, CliError, EXIT, valueOrThrow } from "../exit.ts";
import { type Output, shorten } from "../output.ts";
import { ask } from "../rpc.ts";
import { isTerminalOf } from "../terminal.ts";
import { checkKnownChain, knownChainsPath } from "./known-chains.ts";
import type { NameOptions } from "./names.ts";
import { trustOf } from "./trust.ts";

interface SigningOptions extends NameOptions {
  readonly genesis?: string;
  /** Breaks of trust that are accepted, by their ids. */
  readonly acceptTransition?: readonly string[];
  /** The fee that the user named. Left out, it is the least fee of the chain. */
  readonly fee?: bigint;
}

export interface SigningChain {
  readonly chain: Pick<TrustedGenesis, "genesisHash"> & {
    readonly chainId: bigint;
    /** Numbers of declared modules by their names. */
    readonly modules?: ReadonlyMap<string, number>;
  };
  readonly trusted: TrustedGenesis;
  /** The fee of each transaction. */
  readonly fee: bigint;
}

/** @throws CliError when the node contradicts the genesis, or itself */
export async function signingChain(
  out: Pick<Output, "note" | "warn">,
  client: Pick<Client, "chain" | "call" | "url">,
  { genesis, devnet, dir, fee, acceptTransition }: SigningOptions,
): Promise<SigningChain> {
  const claimed = await ask(client.chain());
  const claimedHash =
    typeof claimed.genesisHash === "string" ? claimed.genesisHash : showHash(claimed.genesisHash);
  const accepted = acceptTransition === undefined ? {} : { acceptTransition };
  const files = { devnet, dir, ...accepted, ...(genesis === undefined ? {} : { genesis }) };
  const local = trustOf(files, claimedHash).genesis as TrustedGenesis | undefined;
  const trusted = local ?? (await genesisOfNode(client, claimedHash));
  if (local === undefined) {
    await checkKnownChain(out, { url: client.url, hash: claimedHash, path: knownChainsPath() });
  }
  const { chainId } = trusted.genesis;
  const modules = numbersOf(trusted.genesis.modules?.list ?? [], claimed.modules);
  return {
    chain: { chainId, genesisHash: trusted.genesisHash, modules },
    trusted,
    fee: fee ?? (await leastFee(client, trusted)),
  };
}

/**
 * Numbers of declared modules by their names: those of genesis, and of what votes have added since as the node says. It can give these
 * no number of genesis's modules, nor (Wallet) one of those that every chain has.
 */
function numbersOf(
  named: readonly { readonly name: string; readonly number: number }[],
  claimed: ReadonlyMap<string, number> = new Map(),
): ReadonlyMap<string, number> {
  const taken = new Set(named.map(({ number }) => number));
  const added = [...claimed].filter(([, number]) => !taken.has(number));
  return new Map([...added, ...named.map(({ name, number }) => [name, number] as const)]);
}

/**
 * A vote may have raised the chain's least fee. A node that lies can ask for no more than one vote after the other could have made of it
 * within a bound: above that whoever signs must say so.
 */
async function leastFee(client: Pick<Client, "call">, { genesis }: TrustedGenesis): Promise<bigint> {
  const { consensus, limits } = genesis;
  if (!hasEpochs(consensus)) return limits.minFee;
  const { parameters } = await ask(client.call("gov_getMembership"));
  const claimed = BigInt(parameters.minFee);
  const most = (limits.minFee > 1n ? limits.minFee : 1n) * FEE_FACTOR_BELIEVED;
  if (claimed <= most) return claimed;
  throw new CliError(
    EXIT.refused,
    "FEE_NOT_EXPECTED",
    `the node says that the chain's least fee is ${claimed}, more than ${most}; genesis says ${limits.minFee}. Nothing was signed; ` +
      "say --fee yourself",
  );
}

/** How many times the least fee of genesis is paid because a node says so. */
const FEE_FACTOR_BELIEVED = 100n;

async function genesisOfNode(client: Pick<Client, "call">, claimedHash: string): Promise<TrustedGenesis> {
  const { genesis } = await ask(client.call("chain_getGenesis"));
  const opened = valueOrThrow(openGenesis(JSON.stringify(genesis)), EXIT.broken);
  const hash = showHash(opened.genesisHash);
  if (hash === claimedHash) return opened;
  throw new CliError(
    EXIT.refused,
    "BAD_GENESIS",
    `the node gives a genesis with hash ${hash} and calls its chain ${claimedHash}: one of them is false. Nothing was ` +
      "signed; name a genesis.json from a source you trust with --genesis, or ask another node with --rpc",
  );
}

/** @throws CliError for a fee that follows from a genesis, and that nobody would expect */
export function checkUnsaidFee(
  fee: bigint,
  { said, amount }: { said: bigint | undefined; amount: bigint },
): void {
  const most = amount > FEE_UNSAID_MAX ? amount : FEE_UNSAID_MAX;
  if (said !== undefined || fee <= most) return;
  throw badInput(
    `the least fee of this chain is ${fee}, above ${FEE_UNSAID_MAX} and above the amount (${amount}): if you mean to pay ` +
      `it, say --fee ${fee}. Nothing was signed`,
  );
}

export interface Payment {
  readonly amount: bigint;
  readonly fee: bigint;
  readonly to: Uint8Array;
  readonly chainId: bigint;
}

/** Shows on a terminal what is about to be signed. */
export function showPayment(out: Output, { amount, fee, to, chainId }: Payment): void {
  if (!isTerminalOf("stderr")) return;
  out.note(`signs ${amount} + fee ${fee} = ${amount + fee} to ${shorten(hex0x(to))} on chain ${chainId}`);
}
