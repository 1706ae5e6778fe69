/**
 * `quorate tx`: makes, signs, sends and shows transactions. The key stays here: the node gets signed bytes. The
 * nonce and the least fee are asked from the node unless given.
 *
 * This folder: commands that sign and send: transfers, calls, anchors, with receipts and their verification. Not here:
 * the client that sends (sdk).
 */
import { type Command, Option } from "commander";
import { must } from "../../base/assert.ts";
import { hex0x, showHash } from "../../base/bytes.ts";
import type { SignedTransaction } from "../../chain/types/transaction.ts";
import {
  type Client,
  distinctExpiry,
  OutcomeUnknownError,
  type ResultOf,
  RpcError,
  type Sent,
  type WaitFor,
  Wallet,
} from "../../sdk/client.ts";
import { isNonceTaken, NONCE_RACES_MAX } from "../../sdk/sender.ts";
import { duration, integer } from "../arguments.ts";
import { asksForLevel, describeRead, type LevelOptions, levelledOptions, readAt } from "../chain/reads.ts";
import { group, leaf } from "../command.ts";
import { badInput, CliError, EXIT, Finished } from "../exit.ts";
import { type Output, shorten, showDuration } from "../output.ts";
import { ask, connect, type RpcOptions, refusalError, rpcOption, unreachableError } from "../rpc.ts";
import { readStdin } from "../stdin.ts";
import { type NameOptions, nameOptions, resolveAddress, resolveKey } from "./names.ts";
import { checkUnsaidFee, showPayment, signingChain } from "./signing-chain.ts";
import { describeFinality, type TrustOptions, trustOf, trustOptions } from "./trust.ts";
import { addTxCall, type CallOptions } from "./tx-call.ts";
import { addOfflineTx } from "./tx-offline.ts";
import { orderOf, signOrRefuse, type TransferOptions, withOrder } from "./tx-order.ts";

type ShownTransaction = NonNullable<ResultOf<"tx_get">>["tx"];
type ShownOutcome = Pick<NonNullable<ResultOf<"tx_getReceipt">>, "status" | "fault" | "code" | "events">;

interface SendOptions extends RpcOptions, TrustOptions {
  readonly wait: WaitFor;
  /** How long to wait, ms. */
  readonly timeout?: number;
}

interface SentTransferOptions extends TransferOptions, Omit<SendOptions, keyof NameOptions> {
  readonly signOnly?: boolean;
}

interface SentCallOptions extends CallOptions, Omit<SendOptions, keyof NameOptions> {}

export function addTx(program: Command): void {
  const tx = group(program, "tx", "make, send and show transactions");
  leaf<SentTransferOptions>(
    tx,
    "transfer",
    "pay from one account to another",
    (command) =>
      withSendOptions(withOrder(nameOptions(command)))
        .option("--nonce <n>", "default: the account's next", integer(0, Number.MAX_SAFE_INTEGER))
        .option("--sign-only", "print the signed bytes and send nothing"),
    ({ out, options }) => transfer(out, options),
  );
  leaf<SendOptions>(
    tx,
    "send <hex>",
    'send signed bytes ("-" reads them from stdin)',
    withSendOptions,
    async ({ out, options, args: [hex] }) => {
      const text: string = hex === "-" ? readStdin() : hex;
      if (!/^0x([0-9a-fA-F]{2})+$/.test(text)) throw badInput("expected the signed bytes as 0x-hex");
      await send(out, connect(options, trustOf(options, undefined)), text, options);
    },
  );
  leaf<RpcOptions & LevelOptions>(
    tx,
    "show <hash>",
    "show a transaction and what it did, with --level as certain as it is wanted",
    levelledOptions,
    ({ out, options, args: [hash] }) =>
      asksForLevel(options) ? showAtLevel(out, options, hash) : show(out, connect(options), hash),
  );
  addTxCall<SentCallOptions>(tx, withSendOptions, (out, { bytes, genesisHash }, options) =>
    send(out, connect(options, trustOf(options, genesisHash)), bytes, options),
  );
  addOfflineTx(tx);
}

function withSendOptions(command: Command): Command {
  const wait = new Option("--wait <until>", "how long to wait")
    .choices(["none", "accepted", "included", "final"])
    .default("final");
  return trustOptions(command)
    .addOption(rpcOption())
    .addOption(wait)
    .option(
      "--timeout <duration>",
      "how long it waits (default: 30s, longer where finality is a depth)",
      duration,
    );
}

async function transfer(out: Output, options: SentTransferOptions): Promise<void> {
  const { key, label } = await resolveKey(options.from, options);
  const to = await resolveAddress(options.to, options);
  const wallet = Wallet.fromSeed(key.seed);
  const client = connect(options);
  const nextNonce = () => client.nextNonce(wallet.address);
  const { chain, fee } = await signingChain(out, client, options);
  const nonce = options.nonce ?? (await ask(nextNonce()));
  const { amount } = options;
  checkUnsaidFee(fee, { said: options.fee, amount });
  showPayment(out, { amount, fee, to: to.address, chainId: chain.chainId });
  // With a nonce of the user's own, or for later, equal commands make equal bytes: then a repeat is harmless.
  const isRepeatable = options.nonce !== undefined || options.signOnly === true;
  const distinct = isRepeatable ? {} : { validUntilHeight: distinctExpiry() };
  const order = { ...distinct, ...orderOf(options, { chain, nonce, fee, maxFee: fee, to: to.address }) };
  const sign = (with_: bigint | number) => signOrRefuse(() => wallet.transfer({ ...order, nonce: with_ }));
  if (options.signOnly) {
    const { id, bytes } = sign(nonce);
    out.result({ txHash: hex0x(id), tx: hex0x(bytes), nonce: Number(nonce) }, hex0x(bytes));
    return;
  }
  const trusting = connect(options, trustOf(options, showHash(chain.genesisHash)));
  let signed = sign(nonce);
  for (let races = 0; ; races++) {
    try {
      const sent = await submit(trusting, hex0x(signed.bytes), options);
      if (sent.answer.already && !isRepeatable) throw equalSentBefore(signed, sent.answer);
      return await report(out, trusting, sent);
    } catch (error) {
      const isLost = options.nonce === undefined && isNonceTaken(error) && races < NONCE_RACES_MAX;
      if (!isLost) throw explainFailure(error, signed, label);
      const next = await ask(nextNonce());
      out.note(`nonce ${signed.nonce} went to another transaction of ${label}: signed again with ${next}`);
      signed = sign(next);
    }
  }
}

/**
 * Whether an equal transaction was sent before. With --expires equal commands make equal bytes, so that two
 * at once are one.
 */
function equalSentBefore({ id, nonce }: SignedTransaction, { blockHeight, status }: Sent): CliError {
  const where = blockHeight === undefined ? `is ${status}` : `is ${status} in block ${blockHeight}`;
  return new CliError(
    EXIT.refused,
    "TX_DUPLICATE",
    `an equal transfer with nonce ${nonce} had been sent before, and ${where} (tx ${hex0x(id)}); this command ` +
      "paid nothing more. To pay once more run it again, or with another --memo",
  );
}

/** Bytes that were signed before. */
async function send(out: Output, client: Client, tx: string, options: SendOptions): Promise<void> {
  const sent = await submit(client, tx, options).catch((error: unknown) => {
    throw explainFailure(error);
  });
  await report(out, client, sent);
}

interface Submitted {
  readonly answer: Sent;
  readonly tookMs: number;
}

async function submit(client: Client, tx: string, { wait, timeout }: SendOptions): Promise<Submitted> {
  const started = performance.now();
  const timeoutMs = timeout ?? (wait === "final" ? await finalWaitMs(client) : WAIT_MS);
  const answer = await client.send(tx, { wait, timeoutMs });
  return { answer, tookMs: Math.round(performance.now() - started) };
}

async function report(out: Output, client: Client, { answer, tookMs }: Submitted): Promise<void> {
  const { txHash, status, blockHeight, receipt, finality, already } = answer;
  const place = blockHeight === undefined ? {} : { blockHeight };
  const value = { txHash, status, ...place, tookMs, receipt, finality, already };
  if (receipt === undefined || blockHeight === undefined) {
    const how = already ? "was there before: nothing new was sent" : `sent in ${showDuration(tookMs)}`;
    out.result(value, `${out.tick} ${status}   tx ${txHash}   ${how}`);
    return;
  }
  if (receipt.status === "failed") {
    const why = receipt.fault ?? `code ${receipt.code}`;
    out.result(
      value,
      `${out.cross} failed: ${why}   tx ${txHash}   block ${blockHeight}   fee ${receipt.fee} taken`,
    );
    throw new Finished(EXIT.refused);
  }
  const known = finality === undefined ? [] : [`  ${describeFinality(finality)}`];
  const agreement = out.json ? "" : await describeAgreement(client, blockHeight);
  out.result(value, [
    `${out.tick} ${
      already ? `already final in block ${blockHeight}` : `${status} in ${showDuration(tookMs)}`
    }   tx ${txHash}${already ? "" : `   block ${blockHeight}`}${agreement}   fee ${receipt.fee}`,
    ...known,
  ]);
}

const WAIT_MS = 30_000;
const WAIT_MS_MAX = 600_000;
/** Blocks come at random: so much longer than on average is rarely needed. */
const SLOWNESS = 3;

/** How long final takes, where it means so many blocks on top and their mining is waited for. */
async function finalWaitMs(client: Client): Promise<number> {
  const state = await client.call("consensus_getState").catch(() => undefined);
  if (state == null || !("finalityDepth" in state)) return WAIT_MS;
  const expectedMs = 1_000 * state.spacing * (state.finalityDepth + 1);
  return Math.min(WAIT_MS_MAX, Math.max(WAIT_MS, SLOWNESS * expectedMs));
}

/** Shows how many validators signed the certificate that makes it final. This is only for people, so it never fails. */
async function describeAgreement(client: Client, height: number): Promise<string> {
  try {
    const [block, validators] = await Promise.all([
      client.block(height),
      client.call("consensus_getValidators"),
    ]);
    if (block === null || !("commits" in block.consensus)) return "";
    const { view, commits } = block.consensus;
    return `   view ${view}   commits ${commits.length}/${validators.length}`;
  } catch {
    return "";
  }
}

/** The end of the command after sending failed: what is known, and no more. */
export function explainFailure(error: unknown, signed?: SignedTransaction, sender?: string): unknown {
  if (error instanceof CliError || error instanceof Finished) return error;
  if (error instanceof OutcomeUnknownError) return outcomeUnknown(error.code, error.message, error.txHash);
  if (!(error instanceof RpcError)) return unreachableError(error);
  const { txHash, code } = error.data;
  const refusal = refusalError(error);
  if (typeof txHash === "string" && code !== "TX_DUPLICATE")
    return outcomeUnknown(refusal.code, refusal.message, txHash);
  const who = sender === undefined ? "" : ` (${sender})`;
  const nonce = isNonceTaken(error) && signed !== undefined ? ` Nonce ${signed.nonce} is taken.` : "";
  return new CliError(refusal.exitCode, refusal.code, `${refusal.message}${who}.${nonce} Nothing was sent.`);
}

function outcomeUnknown(code: string, message: string, txHash: string): CliError {
  const advice = `It may still happen: look with "quorate tx show ${txHash}" before you send anything in its place`;
  return new CliError(EXIT.timedOut, code, `${message} (tx ${txHash}). ${advice}`);
}

/** A node that has not got all blocks cannot say that a transaction is in none. */
function describeUnknown(hash: string, height: number, lowestBody: number): string {
  if (lowestBody <= 1) return `no transaction ${hash} in the chain or the pool`;
  const kept = `blocks ${lowestBody} to ${height}, which are all that this node keeps`;
  return `no transaction ${hash} in the pool or in ${kept}: it knows none of earlier blocks; ask an archive node (--rpc)`;
}

async function show(out: Output, client: Client, hash: string): Promise<void> {
  const [tx, receipt] = await ask(
    Promise.all([client.call("tx_get", { hash }), client.call("tx_getReceipt", { hash })]),
  );
  if (tx === null) {
    const { height, storage } = await ask(client.call("node_status"));
    throw new CliError(EXIT.refused, "TX_NOT_FOUND", describeUnknown(hash, height, storage.lowestBody));
  }
  const [head, ...order] = describeOrder(tx.tx);
  const lines = [
    must(head, "its id comes first"),
    `status  ${tx.status}${tx.height === undefined ? "" : `   block ${tx.height}   index ${tx.index}`}${describeDepth(tx)}`,
    ...order,
  ];
  if (receipt !== null) lines.push(describeOutcome(receipt));
  out.result({ ...tx, receipt }, lines);
}

async function showAtLevel(out: Output, options: RpcOptions & LevelOptions, hash: string): Promise<void> {
  if (!/^0x[0-9a-fA-F]{64}$/.test(hash))
    throw badInput(`expected the id of a transaction, 0x and 64 hex digits, found "${hash}"`);
  const answer = await readAt(options, (client, read) => client.transaction(hash, read));
  const { transaction, outcome, height, index } = answer.value;
  const [head, ...order] = describeOrder(transaction);
  const place = `status  in a block   block ${height}   index ${index}`;
  const lines = [must(head, "its id comes first"), place, ...order, describeOutcome(outcome)];
  out.result(answer, [...lines, ...describeRead(answer)]);
}

/** The id, and what was signed. */
function describeOrder({ txHash, from, nonce, fee, module, call, payload }: ShownTransaction): string[] {
  return [
    `tx      ${txHash}`,
    `from    ${from}   nonce ${nonce}   fee ${fee}`,
    `call    ${module} ${call === null ? payload : describeCall(call)}`,
  ];
}

function describeOutcome({ status, fault, code, events }: ShownOutcome): string {
  const failure = status === "failed" ? ` ${fault ?? `code ${code}`}` : "";
  return `result  ${status}${failure}   events ${events.length}`;
}

/** Says of a mined chain how deep the block lies, and how likely an attacker could take it back. */
function describeDepth({
  confirmations,
  reversalProbability: risk,
}: {
  readonly confirmations?: number | undefined;
  readonly reversalProbability?: number | undefined;
}): string {
  if (confirmations === undefined || risk === undefined) return "";
  const odds = risk < 0.000_001 ? "under 0.0001 %" : `${Number((100 * risk).toPrecision(2))} %`;
  return `   ${confirmations} ${confirmations === 1 ? "confirmation" : "confirmations"} (reversed with probability ${odds} by a tenth of all miners)`;
}

function describeCall(call: Record<string, unknown>): string {
  const parts = Object.entries(call).filter(([, value]) => value !== "");
  return parts
    .map(([key, value]) => (key === "type" ? `${value}` : `${key} ${shortenKey(value)}`))
    .join("  ");
}

function shortenKey(value: unknown): string {
  return typeof value === "string" && value.startsWith("0x") ? shorten(value) : JSON.stringify(value);
}
