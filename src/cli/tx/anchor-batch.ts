/**
 * Anchors many digests for one account, whoever else sends for it: what lost its nonce to another transaction is
 * signed anew. The chain takes a digest once from an account, so nothing is anchored twice. What came of it is read from
 * the state afterwards, not from the nonce, which another sender of the account moves as well.
 */
import { must } from "../../base/assert.ts";
import { hex0x } from "../../base/bytes.ts";
import type { SignedTransaction } from "../../chain/types/transaction.ts";
import type { ChainRef, Client, Wallet } from "../../sdk/client.ts";
import { startBar } from "../bar.ts";
import { CliError } from "../exit.ts";
import type { Output } from "../output.ts";
import { ask } from "../rpc.ts";
import { sendInOrder } from "./anchor-sender.ts";
import { batchOf } from "./many-calls.ts";
import { signOrRefuse } from "./tx-order.ts";

/** One digest of the order, which several files may share. */
export interface Document {
  readonly digest: Uint8Array;
  readonly files: string[];
}

/** The account's entry in the state. */
export interface OwnAnchor {
  readonly height: number;
  readonly memo: string;
}

export interface AnchorBatch {
  /** The anchors of those that are anchored now. */
  readonly anchors: ReadonlyMap<Document, OwnAnchor>;
  /** What was sent for those that were not anchored before. */
  readonly sent: ReadonlyMap<Document, SignedTransaction>;
  /** Why not all are, where a node or the chain ended it. */
  readonly problem: CliError | undefined;
  reasonFor(document: Document): string;
}

export interface AnchorOrders {
  readonly client: Pick<Client, "account" | "batch" | "nextNonce">;
  readonly wallet: Wallet;
  readonly chain: ChainRef;
  readonly fee: bigint;
  readonly documents: readonly Document[];
  readonly memo: string | undefined;
}

/** So often documents may lose their nonces to other senders of the account. */
const ROUNDS_MAX = 16;

/** @throws CliError when no node says what is anchored before, or for a memo that no transaction can carry */
export async function anchorAll(out: Output, orders: AnchorOrders): Promise<AnchorBatch> {
  const { documents } = orders;
  const anchors = new Map(await ownAnchors(orders, documents));
  const sent = new Map<Document, SignedTransaction>();
  let problem: CliError | undefined;
  let missing = documents.filter((document) => !anchors.has(document));
  for (let round = 0; missing.length > 0 && problem === undefined && round < ROUNDS_MAX; round++) {
    if (round > 0)
      out.note(`${missing.length} lost their nonces to other transactions of the account: sent anew`);
    const signed = await sign(orders, missing);
    for (const [i, document] of missing.entries())
      sent.set(document, must(signed[i], "each document was signed"));
    problem = await send(out, orders, signed);
    const found = await ownAnchors(orders, missing).catch((error: unknown) => {
      if (!(error instanceof CliError)) throw error;
      problem ??= error;
      return [];
    });
    for (const [document, own] of found) anchors.set(document, own);
    missing = missing.filter((document) => !anchors.has(document));
  }
  const reasonFor = (document: Document) => reasonOf(sent.get(document), problem);
  return { anchors, sent, problem, reasonFor };
}

async function sign({ client, wallet, chain, fee, memo }: AnchorOrders, documents: readonly Document[]) {
  const next = await ask(client.nextNonce(wallet.address));
  return signOrRefuse(() =>
    documents.map(({ digest }, i) =>
      wallet.anchor({
        chain,
        digest,
        nonce: next + BigInt(i),
        fee,
        maxFee: fee,
        ...(memo === undefined ? {} : { memo }),
      }),
    ),
  );
}

async function send(
  out: Output,
  { client }: AnchorOrders,
  signed: readonly SignedTransaction[],
): Promise<CliError | undefined> {
  const bar = startBar(out, signed.length, "anchoring {bar} {value}/{total}  {duration_formatted}");
  try {
    await sendInOrder(client, signed, (confirmed) => bar?.update(confirmed));
    return undefined;
  } catch (error) {
    if (error instanceof CliError) return error;
    throw error;
  } finally {
    bar?.stop();
  }
}

/** Asks which of them this account has anchored. */
async function ownAnchors(
  { client, wallet }: AnchorOrders,
  documents: readonly Document[],
): Promise<[Document, OwnAnchor][]> {
  const answers = await batchOf(client, documents, ({ digest }) => ({
    method: "state_query",
    params: { path: `anchor/${hex0x(digest)}/${wallet.addressHex}` },
  }));
  return documents.flatMap((document, i): [Document, OwnAnchor][] => {
    const { decoded } = answers[i] as { decoded: OwnAnchor | null };
    return decoded === null ? [] : [[document, { height: decoded.height, memo: decoded.memo }]];
  });
}

function reasonOf(tx: SignedTransaction | undefined, problem: CliError | undefined): string {
  if (tx === undefined) return "not sent";
  const why = problem?.message ?? `its nonce was taken ${ROUNDS_MAX} times`;
  return `not anchored yet: ${why} (tx ${hex0x(tx.id)}; it may still happen; the same command goes on from there)`;
}
