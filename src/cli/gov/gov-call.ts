/**
 * A proposal or a vote on its way: what the node says against it first, then the signed transaction, and what became
 * of it. Also the proof of possession, which the holder of a new key makes.
 */
import { type Address, hex0x, parseShownHash } from "../../base/bytes.ts";
import { type Change, isAdminsOwn, type Possession, possessionBytes } from "../../chain/governance/change.ts";
import { gov } from "../../chain/modules/gov.ts";
import type { GovCall } from "../../chain/modules/gov-declaration.ts";
import type { Client, ResultOf } from "../../sdk/client.ts";
import type { Wallet } from "../../sdk/wallet.ts";
import { CliError, EXIT } from "../exit.ts";
import type { Output } from "../output.ts";
import { ask } from "../rpc.ts";
import type { NamedAddress } from "../tx/names.ts";
import type { SigningChain } from "../tx/signing-chain.ts";
import { explainFailure } from "../tx/tx.ts";

/** Longest that a proposal or a vote is waited for, ms. */
const WAIT_MS = 30_000;

export interface CallSender {
  readonly client: Client;
  readonly wallet: Wallet;
  readonly signing: Pick<SigningChain, "chain" | "fee">;
}

export interface SentCall {
  readonly txHash: string;
  readonly blockHeight: number;
  /** The proposal that it made or was for. */
  readonly proposal: string;
  /** What followed from it: the last event of its receipt. */
  readonly outcome: "proposed" | "voted" | "approved" | "rejected";
  /** The last block of the epoch, where the epoch ends by this vote. */
  readonly lastHeight: string | undefined;
}

/** How a newcomer that a vote is about is waited for, a second at a time. */
export interface NewcomerWait {
  /** Called once, with what the newcomer lacks. */
  readonly begun: (words: string) => void;
  /** Resolves a second later. */
  readonly pause: () => Promise<void>;
}

/** Seconds that a vote waits for the newcomer: each node lets it in by itself while the proposal is open. */
const NEWCOMER_WAITS = 30;

/** What the node that was asked says of a call, in its words. */
export interface NodeAdvice {
  /** What speaks against it: empty, unless it is forced. */
  readonly harms: readonly string[];
  /** What its sender should know, all the same. */
  readonly notes: readonly string[];
}

/**
 * @param wait for the newcomer of a vote; left out, it is not waited for
 * @throws CliError HARMFUL, unless the call is forced: then it says so on the chain
 */
export async function checkHarms(
  client: Pick<Client, "call">,
  call: GovCall,
  wait?: NewcomerWait,
): Promise<NodeAdvice> {
  const payload = hex0x(gov.encodeCall(call));
  for (let waited = 0; ; waited++) {
    const { harms, notes, awaitsNewcomer } = await ask(client.call("gov_check", { payload }));
    const [first, ...more] = harms;
    if (first === undefined || call.isForced) return { harms, notes };
    if (wait === undefined || !awaitsNewcomer || waited === NEWCOMER_WAITS)
      throw new CliError(EXIT.refused, "HARMFUL", `not sent: ${first}`, {
        more: [...more, "--force sends it all the same, and the chain keeps that it was forced"],
      });
    if (waited === 0) wait.begun(first);
    await wait.pause();
  }
}

/**
 * Sends a call as forced only where something speaks against it, at the node that was asked or at the one that takes it:
 * the chain keeps for good that it was forced.
 */
export async function sendForcedOnly<C extends GovCall, T>(
  call: C,
  { harms }: Pick<NodeAdvice, "harms">,
  send: (call: C) => Promise<T>,
): Promise<{ readonly sent: T; readonly isForced: boolean }> {
  const { isForced } = call;
  if (!isForced || harms.length > 0) return { sent: await send(call), isForced };
  try {
    return { sent: await send({ ...call, isForced: false }), isForced: false };
  } catch (error) {
    // The node that was to take it sees more than the one that was asked. Nothing was sent.
    if (!(error instanceof CliError && error.code === "TX_HARMFUL")) throw error;
    return { sent: await send(call), isForced };
  }
}

/**
 * The chain would refuse it and take the fee, forced or not.
 * @throws CliError GOV_NOT_A_VALIDATOR when the account may neither propose nor vote
 */
export function checkSender(
  {
    members,
    nextMembers,
    lastHeight,
    roles,
  }: Pick<Membership, "members" | "nextMembers" | "lastHeight" | "roles">,
  call: GovCall,
  { label, address }: NamedAddress,
): void {
  const account = hex0x(address);
  if (members.some((one) => one.account === account)) return;
  const mayAdminister = call.kind === "propose" && isAdminsOwn(call.change);
  const admins = mayAdminister ? (roles ?? []).filter((one) => one.roles.includes("admin")) : [];
  if (admins.some((one) => one.account === account)) return;
  const coming = nextMembers.find((one) => one.account === account);
  const whose =
    coming === undefined
      ? "no validator's"
      : `${coming.name}'s, whose seat begins above height ${lastHeight}`;
  const names = members.map(({ name }) => name).join(", ");
  const others =
    admins.length === 0 ? "" : `, and administrators, ${admins.map((one) => one.account).join(", ")}`;
  const what = call.kind === "propose" ? "propose" : "vote";
  throw new CliError(
    EXIT.refused,
    "GOV_NOT_A_VALIDATOR",
    `not sent: the account of ${label}, ${account}, is ${whose}: those of ${names} ${what}${others}`,
  );
}

/** Shows what is sent all the same, and what its sender should know. */
export function printAdvice(out: Output, { harms, notes }: NodeAdvice): void {
  for (const harm of harms) out.warn(`forced: ${harm}`);
  for (const note of notes) out.note(note);
}

/** Signs, sends and waits until it is final. @throws CliError for whatever keeps it from having its effect */
export async function sendCall({ client, wallet, signing }: CallSender, call: GovCall): Promise<SentCall> {
  const { chain, fee } = signing;
  const nonce = await ask(client.nextNonce(wallet.address));
  const signed = wallet.govern({ chain, nonce, fee, maxFee: fee, call });
  const sent = await client
    .send(hex0x(signed.bytes), { wait: "final", timeoutMs: WAIT_MS })
    .catch((error: unknown) => {
      throw explainFailure(error, signed);
    });
  const { receipt, txHash, blockHeight } = sent;
  if (receipt.status === "failed") {
    const why = receipt.fault ?? `code ${receipt.code}`;
    throw new CliError(
      EXIT.refused,
      why,
      `${why}: ${FAILURES[why] ?? "refused"} (tx ${txHash}, block ${blockHeight})`,
    );
  }
  const last = receipt.events.at(-1)?.decoded ?? {};
  return {
    txHash,
    blockHeight,
    proposal: String(last.proposal),
    outcome: last.type as SentCall["outcome"],
    lastHeight: last.lastHeight === undefined ? undefined : String(last.lastHeight),
  };
}

const FAILURES: Readonly<Record<string, string>> = {
  GOV_NOT_A_VALIDATOR: "the account is no validator's now",
  GOV_UNKNOWN_PROPOSAL: "there is no such proposal",
  GOV_DECIDED: "the proposal is decided or has expired",
  GOV_ALREADY_VOTED: "the account has voted on it",
  GOV_UNFIT: "the change does not fit the members of the next epoch",
  GOV_BAD_PROOF: "the proof of possession does not hold, or names a block that is too old: make a new one",
  GOV_EPOCH_FULL: "as many seats change in this epoch as may: vote again in the next one",
  GOV_TOO_MANY_OPEN: "too many proposals are open",
};

export type Membership = ResultOf<"gov_getMembership">;

/** A new consensus key, in a file or in a token. */
interface ProvingKey {
  readonly publicKey: Address;
  sign(message: Uint8Array): Uint8Array | Promise<Uint8Array>;
}

/** Proves over the newest block that the caller holds a new consensus key. @param account is the seat's. */
export async function provePossession(
  client: Client,
  signer: ProvingKey,
  { account, genesisHash }: { readonly account: Address; readonly genesisHash: Uint8Array },
): Promise<Possession> {
  const { height, hash } = await ask(client.call("chain_getHead"));
  const blockHash = parseShownHash(hash);
  if (blockHash === undefined) throw new CliError(EXIT.broken, "BAD_ANSWER", `not a block hash: ${hash}`);
  const message = possessionBytes({
    genesisHash: genesisHash as Parameters<typeof possessionBytes>[0]["genesisHash"],
    height: BigInt(height),
    blockHash,
    publicKey: signer.publicKey,
    account,
  });
  return { height: BigInt(height), signature: await signer.sign(message) };
}

/** A proof as `gov prove` prints it and `gov propose` reads it: height:signature. */
export function showProof({ height, signature }: Possession): string {
  return `${height}:${hex0x(signature)}`;
}

export function describeOutcome({ proposal, outcome, lastHeight }: SentCall, change?: Change): string {
  const what = change === undefined ? "" : ` (${change.kind})`;
  switch (outcome) {
    case "approved":
      return `proposal ${proposal}${what} is approved; this epoch ends at height ${lastHeight}`;
    case "rejected":
      return `proposal ${proposal}${what} is rejected`;
    case "voted":
      return `voted on proposal ${proposal}; more votes are needed`;
    default:
      return `proposal ${proposal}${what} is open, with the proposer's vote`;
  }
}
