/**
 * Reads of what stands in blocks at a chosen level: a block with its transactions, or a transaction with its receipt. Both
 * are decoded here from the bytes that hash to what the header names, so a node cannot say one thing and show another;
 * at level `proven` the header itself is held to the genesis. Loaded when a client reads so. docs/reads.md.
 */
import { asHash, concatBytes, hex0x, parseHex, showHash } from "../base/bytes.ts";
import { accept, type Verdict } from "../base/fault.ts";
import { type BlockHead, readBlockHead } from "../chain/types/block.ts";
import { blockTimeMs } from "../chain/types/block-time.ts";
import { checkFields, field, list, object, optional } from "../codec/field.ts";
import { decode } from "../codec/reader.ts";
import { RpcError } from "../rpc/rpc-error.ts";
import { showTransaction } from "../rpc/schemas/show.ts";
import { showOutcome } from "../rpc/schemas/show-outcome.ts";
import { epochOfProof } from "./followed-genesis.ts";
import { bytesField, bytesOf, pathField } from "./proof-parts.ts";
import { agree } from "./read-agreed.ts";
import { type OpenedAnswer, ReceivedAnswers, type StateReadPorts, tooOld, visitsOf } from "./read-parts.ts";
import { NotProvenError, type ReadAnswer, type ReadCheck, ReadError, type ReadLevel } from "./read-types.ts";
import type { CertificateSigner } from "./trusted-genesis.ts";
import {
  type ShownHead,
  type ShownInclusion,
  verifyBody,
  verifyHead,
  verifyTransaction,
} from "./verify-block.ts";
import { Disbelieved, NotHere, visitUntilSettled } from "./visits.ts";

/** A transaction as chain_getBlock and tx_get show it. */
type ShownTransaction = ReturnType<typeof showTransaction>;

/** What a block's header, summary and body say. */
export interface BlockRecord {
  readonly hash: string;
  readonly height: number;
  readonly timeMs: number;
  /** The hash of the block before, as it is shown. */
  readonly parentHash: string;
  readonly epoch: number;
  /** The root of the state, 32 bytes as 0x-hex. */
  readonly stateRoot: string;
  readonly transactions: readonly ShownTransaction[];
}

/** A transaction and what it did, where it stands. */
export interface TransactionRecord {
  readonly blockHash: string;
  readonly height: number;
  /** The transaction's position in the block, from 0 on. */
  readonly index: number;
  readonly transaction: ShownTransaction;
  readonly outcome: ReturnType<typeof showOutcome>;
}

/** What nodes are asked, and how what they say is read by a head that was decoded. */
export interface RecordQuestion<T> {
  readonly calls: readonly { readonly method: string; readonly params: unknown }[];
  /** The call whose answer holds header, summary and seal. */
  readonly headOf: (said: readonly unknown[]) => unknown;
  /** Another one may be the answer later. */
  readonly mayAge?: boolean;
  /** Whether it is the head that was asked for, and what stands under it. @throws Error where the node is to be asked again */
  readonly open: (head: BlockHead, said: readonly unknown[]) => Verdict<T>;
}

const headSchema = object(
  {
    header: bytesField,
    summary: bytesField,
    seal: bytesField,
    headers: optional(list(bytesField)),
    before: optional(list(bytesField)),
  },
  { others: "ignored" },
);
const text = field("text", (value) => (typeof value === "string" ? value : undefined));
const bodySchema = object(
  { hash: text, txs: list(object({ raw: text }, { others: "ignored" })) },
  { others: "ignored" },
);
const inclusionSchema = object(
  { tx: bytesField, txPath: pathField, receipt: bytesField, receiptPath: pathField },
  { others: "ignored" },
);

/** Names of another block from moment to moment. */
const MOVING: readonly (number | string)[] = ["latest", "finalized", "pending"];

/** @param name a height, a hash as it is shown, or a tag, as chain_getBlock takes it */
export function blockQuestion(name: number | string): RecordQuestion<BlockRecord> {
  return {
    calls: [
      { method: "chain_getFinalityProof", params: { block: name } },
      { method: "chain_getBlock", params: { block: name, full: true } },
    ],
    headOf: ([proof]) => proof,
    mayAge: MOVING.includes(name),
    open(head, [, shown]) {
      const { height } = head.summary;
      if (!isNamed(head, name))
        return wrong(`a proof of block ${height} ${showHash(head.hash)}, asked was ${name}`);
      const read = checkFields(bodySchema, shown);
      if (!read.ok) return read;
      const { hash } = read.value;
      // The node answers one call after the other; asked again it may be quicker.
      if (MOVING.includes(name) && hash !== showHash(head.hash))
        throw new Error(
          `its ${name} block was another one a moment later: ${showHash(head.hash)}, then ${hash}`,
        );
      const raw = read.value.txs.map((tx) => tx.raw);
      const body = verifyBody(head, raw);
      if (!body.ok) return body;
      return accept({
        ...placeOf(head),
        timeMs: Number(blockTimeMs(head)),
        parentHash: showHash(head.header.previousHash),
        epoch: Number(head.summary.epoch),
        stateRoot: hex0x(head.summary.stateRoot),
        transactions: body.value.map((tx) => showTransaction(tx)),
      });
    },
  };
}

function isNamed({ hash, summary: { height } }: BlockHead, name: number | string): boolean {
  if (MOVING.includes(name)) return true;
  if (name === "earliest") return height === 0n;
  const word = String(name).toLowerCase();
  return word.length === 66 ? showHash(hash) === word : Number(word) === Number(height);
}

/** @param id of the transaction, 0x-hex */
export function transactionQuestion(id: string): RecordQuestion<TransactionRecord> {
  const txid = asHash(parseHex(id) ?? new Uint8Array(0));
  return {
    calls: [{ method: "tx_getProof", params: { hash: id } }],
    headOf: ([proof]) => proof,
    open(head, [proof]) {
      const read = checkFields(inclusionSchema, proof);
      if (!read.ok) return read;
      const found = verifyTransaction(head, proof as ShownInclusion, txid);
      if (!found.ok) return found;
      const { transaction, receipt, index } = found.value;
      const { hash: blockHash, height } = placeOf(head);
      const outcome = showOutcome(receipt, transaction.module);
      return accept({ blockHash, height, index, transaction: showTransaction(transaction), outcome });
    },
  };
}

/**
 * @throws RangeError for a level that this client cannot have, ReadError when the nodes give no such answer: also where none
 *   knows the block or transaction, since nobody can prove that there is none
 */
export function readRecord<T>(
  level: ReadLevel,
  question: RecordQuestion<T>,
  ports: StateReadPorts,
): Promise<ReadAnswer<T>> {
  switch (level) {
    case "one":
      return readFrom("one", question, ports);
    case "agreed":
      return readAlike(question, ports);
    case "proven":
      return readFrom("proven", question, ports);
    case "latest":
      throw new RangeError(
        'what stands in a block does not change: "proven" is as much as "latest" could be',
      );
  }
}

async function readAlike<T>(question: RecordQuestion<T>, ports: StateReadPorts): Promise<ReadAnswer<T>> {
  const open = (said: readonly unknown[]): OpenedAnswer<T> => {
    const head = headIn(question, said);
    const value = opened(question, head, said);
    const { hash: blockHash, height } = placeOf(head);
    return { value, height, blockHash, timeMs: Number(blockTimeMs(head)), bytes: JSON.stringify(value) };
  };
  const agreed = await agree({ calls: question.calls, open }, ports);
  return {
    ...agreed,
    level: "agreed",
    checked: ["agreement"],
    unchecked: [...RECORD_CHECKS, ...aging(question)],
  };
}

async function readFrom<T>(
  level: "one" | "proven",
  question: RecordQuestion<T>,
  ports: StateReadPorts,
): Promise<ReadAnswer<T>> {
  if (level === "proven" && ports.genesis === undefined)
    throw new RangeError('a read "proven" needs the genesis: new Client(url, { genesis })');
  const received = new ReceivedAnswers();
  const found = await visitUntilSettled<ReadAnswer<T>>({
    ...visitsOf(ports, received),
    first: 1,
    async visit(endpoint, limits, more) {
      const said = await endpoint.batch(question.calls, limits);
      const refused = said.find((one) => one instanceof RpcError);
      if (refused !== undefined) throw refused;
      const judged = level === "one" ? unjudged(headIn(question, said)) : await judge(question, said, ports);
      const { head, checked, unchecked, signers } = judged;
      const value = opened(question, head, said);
      const { hash: blockHash, height } = placeOf(head);
      if (height < ports.minHeight) {
        more();
        return tooOld(received, endpoint, height, ports.minHeight);
      }
      const place = { height, blockHash, timeMs: Number(blockTimeMs(head)) };
      const names = signers.map(({ name }) => name);
      const by = { nodes: [endpoint.url], signers: names, disbelieved: received.disbelieved };
      return { value, ...place, level, checked, unchecked: [...unchecked, ...aging(question)], ...by };
    },
  });
  if (found !== undefined) return found;
  const parts = received.at(level);
  throw level === "one"
    ? new ReadError("no node has it", parts)
    : new NotProvenError("no node proved it", parts);
}

/** What certificates check of what stands in a block. */
const RECORD_CHECKS: readonly ReadCheck[] = ["validators", "certificate", "value"];

function aging({ mayAge = false }: Pick<RecordQuestion<unknown>, "mayAge">): readonly ReadCheck[] {
  return mayAge ? ["freshness"] : [];
}

interface JudgedHead {
  readonly head: BlockHead;
  readonly checked: readonly ReadCheck[];
  readonly unchecked: readonly ReadCheck[];
  readonly signers: readonly CertificateSigner[];
}

function unjudged(head: BlockHead): JudgedHead {
  return { head, checked: [], unchecked: RECORD_CHECKS, signers: [] };
}

/** The head held to the genesis. @throws Disbelieved */
async function judge<T>(
  question: RecordQuestion<T>,
  said: readonly unknown[],
  { genesis, endpoints, answerMs }: StateReadPorts,
): Promise<JudgedHead> {
  if (genesis === undefined) throw new RangeError("nothing is judged without a genesis");
  const shown = shownIn(question, said);
  const epoch = epochOfProof(shown);
  if (epoch > genesis.newest) await genesis.follow(epoch, endpoints, answerMs);
  const verified = verifyHead(shown, genesis.trusted);
  if (!verified.ok) throw new Disbelieved(`its answer is not proved: ${verified.fault.detail}`);
  const { head, by, signers } = verified.value;
  // What the genesis makes needs no certificate.
  if (by !== "work") return { head, checked: RECORD_CHECKS, unchecked: [], signers };
  return { head, checked: ["work", "value"], unchecked: ["heaviest"], signers };
}

function shownIn<T>({ headOf }: RecordQuestion<T>, said: readonly unknown[]): ShownHead {
  const proof = headOf(said);
  if (proof === null) throw new NotHere("does not know it");
  const read = checkFields(headSchema, proof);
  if (!read.ok) throw new Disbelieved(`an answer that is none: ${read.fault.detail}`);
  return read.value;
}

function headIn<T>(question: RecordQuestion<T>, said: readonly unknown[]): BlockHead {
  const { header, summary } = shownIn(question, said);
  const head = decode(concatBytes(bytesOf(header), bytesOf(summary)), "header and summary", readBlockHead);
  if (!head.ok) throw new Disbelieved(`an answer that is none: ${head.fault.detail}`);
  return head.value;
}

function opened<T>({ open }: RecordQuestion<T>, head: BlockHead, said: readonly unknown[]): T {
  const found = open(head, said);
  if (found.ok) return found.value;
  throw new Disbelieved(`it shows something else than the block holds: ${found.fault.detail}`);
}

function placeOf({ hash, summary }: BlockHead): { readonly hash: string; readonly height: number } {
  return { hash: showHash(hash), height: Number(summary.height) };
}

function wrong(detail: string): Verdict<never> {
  return { ok: false, fault: { code: "invalid", detail } };
}
