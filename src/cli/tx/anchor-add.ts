/**
 * `quorate anchor add`: hashes files, anchors each digest once, waits until all are final and writes a receipt for each.
 * Where receipts go is tried before anything is sent; a file that cannot be read, or a receipt that cannot be written,
 * is answered for by itself and ends nothing. A receipt proves the anchor of the account that asked for it, not that of
 * whoever came first.
 */
import { must } from "../../base/assert.ts";
import { hex0x, showHash } from "../../base/bytes.ts";
import { type Client, Wallet } from "../../sdk/client.ts";
import { skipInReceipt, verifySkippingReceipt } from "../../sdk/epoch-skips.ts";
import {
  createReceipt,
  minedChainOf,
  type ReceiptFile,
  type TrustedGenesis,
  verifyReceipt,
} from "../../sdk/verify.ts";
import { CliError, EXIT, type ExitCode, Finished, valueOrThrow } from "../exit.ts";
import { fileProblem } from "../file-problem.ts";
import { type Output, showDuration } from "../output.ts";
import { connect, type RpcOptions } from "../rpc.ts";
import { type AnchorBatch, anchorAll, type Document, type OwnAnchor } from "./anchor-batch.ts";
import { warnOfSkipped } from "./anchor-verify.ts";
import { hashDocument } from "./documents.ts";
import { EpochLinks, epochOfSummary } from "./epoch-links.ts";
import { batchOf } from "./many-calls.ts";
import { type NameOptions, resolveKey } from "./names.ts";
import { ReceiptFolder } from "./receipt-folder.ts";
import { checkUnsaidFee, signingChain } from "./signing-chain.ts";

export interface AddOptions extends RpcOptions, NameOptions {
  readonly out: string;
  readonly from: string;
  readonly memo?: string;
  readonly fee?: bigint;
  /** A file. */
  readonly genesis?: string;
  readonly skipEpochs?: boolean;
}

/** What became of one file. */
interface FileResult {
  readonly file: string;
  /** What became of it. With "already" this account had anchored it before. */
  readonly status: "anchored" | "already" | "failed";
  readonly digest?: string;
  readonly txHash?: string | null;
  readonly blockHeight?: number;
  readonly receipt?: string;
  /** The memo on the chain. */
  readonly memo?: string;
  /** Why it failed, or was not done. */
  readonly reason?: string;
}

/** @param hash gives the hash of a file's content; its fault is that file's alone. */
export async function addFiles(
  out: Output,
  options: AddOptions,
  files: readonly string[],
  hash: (file: string) => ReturnType<typeof hashDocument> = (file) => hashDocument(file),
): Promise<void> {
  const started = performance.now();
  const folder = valueOrThrow(ReceiptFolder.prepare(options.out));
  const { documents, failed } = await hashAll(files, hash);
  if (documents.length === 0)
    return finish(out, { files, options, results: failed, exitCode: EXIT.badInput });
  const client = connect(options);
  const wallet = Wallet.fromSeed((await resolveKey(options.from, options)).key.seed);
  const { chain, trusted, fee } = await signingChain(out, client, options);
  checkUnsaidFee(fee, { said: options.fee, amount: 0n });
  const { memo } = options;
  const batch = await anchorAll(out, { client, wallet, chain, fee, documents, memo });
  const writer = new ReceiptWriter({
    client,
    wallet,
    chain,
    trusted,
    folder,
    skips: options.skipEpochs === true,
  });
  const written = await writer.write(documents, batch);
  for (const { file, status, memo: kept } of written) {
    if (status === "already" && memo !== undefined && memo !== kept)
      out.warn(
        `${file}: anchored before with the memo ${JSON.stringify(kept)}; the new one is not on the chain`,
      );
  }
  const tookMs = Math.round(performance.now() - started);
  const exitCode = (writer.problem ?? batch.problem)?.exitCode ?? EXIT.failedCheck;
  finish(out, { files, options, results: [...failed, ...written], exitCode, tookMs, folder });
}

interface Ending {
  readonly files: readonly string[];
  readonly options: AddOptions;
  readonly results: readonly FileResult[];
  /** The exit code where one failed. */
  readonly exitCode: ExitCode;
  readonly tookMs?: number;
  readonly folder?: ReceiptFolder;
}

/** One answer for each file, in the order of the command line. */
function finish(out: Output, { files, options, results, exitCode, tookMs, folder }: Ending): void {
  const byFile = new Map(results.map((result) => [result.file, result]));
  const failed = results.filter(({ status }) => status === "failed");
  const already = results.filter(({ status }) => status === "already").length;
  const done = new Set(files).size - failed.length;
  const lines = failed.map(({ file, reason }) => `${out.cross} ${file}: ${reason}`);
  const before = already > 0 ? `, ${already} were before` : "";
  const time = tookMs === undefined ? "" : ` in ${showDuration(tookMs)}`;
  if (done > 0)
    lines.push(
      `${out.tick} ${done} ${done === 1 ? "file" : "files"} final${time}: ${done - already} anchored${before}; receipts in ${options.out}`,
    );
  if (failed.length > 0)
    lines.push(
      `${failed.length} of ${new Set(files).size} NOT anchored${done === 0 ? ": nothing was sent" : ""}`,
    );
  const skipped = folder === undefined ? {} : warnOfSkipped(out, folder);
  out.result({ files: files.map((file) => byFile.get(file)), tookMs, ...skipped }, lines);
  if (failed.length > 0) throw new Finished(exitCode);
}

async function hashAll(
  files: readonly string[],
  hash: (file: string) => ReturnType<typeof hashDocument>,
): Promise<{ documents: Document[]; failed: FileResult[] }> {
  const documents = new Map<string, Document>();
  const failed: FileResult[] = [];
  for (const file of new Set(files)) {
    const hashed = await hash(file);
    if (!hashed.ok) {
      failed.push({ file, status: "failed", reason: hashed.fault.detail });
      continue;
    }
    const digest = hashed.value;
    const known = documents.get(hex0x(digest));
    if (known === undefined) documents.set(hex0x(digest), { digest, files: [file] });
    else known.files.push(file);
  }
  return { documents: [...documents.values()], failed };
}

type Proof = Parameters<typeof createReceipt>[0]["proof"];

/** @throws what is no problem of the system's or a node's */
function asProblem(error: unknown): CliError {
  if (error instanceof CliError) return error;
  const problem = fileProblem(error);
  if (problem === undefined) throw error;
  return new CliError(EXIT.broken, "NOT_WRITTEN", problem, { cause: error });
}

interface WriterPorts {
  readonly client: Client;
  readonly wallet: Wallet;
  readonly chain: Awaited<ReturnType<Client["chain"]>>;
  readonly trusted: TrustedGenesis;
  readonly folder: ReceiptFolder;
  /** Whether receipts leave epochs out. */
  readonly skips: boolean;
}

/** Fetches the proofs, checks each as a stranger would, and writes what is not in the folder yet. */
class ReceiptWriter {
  readonly #ports: WriterPorts;
  /** The documents that transactions of this account anchored. */
  readonly #ofTransaction = new Set<Document>();
  /** Why a receipt of what is anchored was not written. */
  problem: CliError | undefined;

  readonly #links: EpochLinks;

  constructor(ports: WriterPorts) {
    this.#links = new EpochLinks(ports.client);
    this.#ports = ports;
  }

  async write(documents: readonly Document[], batch: AnchorBatch): Promise<FileResult[]> {
    const anchored = documents.filter((document) => batch.anchors.has(document));
    const anchorOf = (item: Document) =>
      must(batch.anchors.get(item), "only anchored documents are asked about");
    const kept = new Map(anchored.map((item) => [item, this.#findKept(item, anchorOf(item))]));
    const needed = anchored.filter((document) => kept.get(document) === undefined);
    const fresh = await this.#proofs(needed, batch).catch((error: unknown) => {
      if (!(error instanceof CliError)) throw error;
      this.problem = error;
      return new Map<Document, ReceiptFile>();
    });
    return documents.flatMap((document) =>
      this.#answer(document, batch, { kept: kept.get(document), fresh: fresh.get(document) }),
    );
  }

  /** A receipt of this very anchor that still verifies; where blocks are mined a newer one shows more work. */
  #findKept({ digest }: Document, own: OwnAnchor): string | undefined {
    const { folder, trusted, wallet, skips } = this.#ports;
    const verify = skips ? verifySkippingReceipt : verifyReceipt;
    if (minedChainOf(trusted) !== undefined) return undefined;
    for (const { path, text } of folder.find(hex0x(digest))) {
      const answer = verify({ receipt: text, genesis: trusted, digest });
      if (answer.valid && answer.sender === wallet.addressHex && answer.height === own.height) return path;
    }
    return undefined;
  }

  /** The proofs of the transaction where it was this command's, and else of the account's entry in the state. */
  async #proofs(documents: readonly Document[], { sent }: AnchorBatch): Promise<Map<Document, ReceiptFile>> {
    const { client, wallet, chain } = this.#ports;
    const receipts = new Map<Document, ReceiptFile>();
    const sentOnes = documents.filter((document) => sent.has(document));
    const proofs = await batchOf(client, sentOnes, (document) => ({
      method: "tx_getProof",
      params: { hash: hex0x(must(sent.get(document), "only sent documents are asked about").id) },
    }));
    for (const [i, document] of sentOnes.entries()) {
      const proof = proofs[i] as Proof | null;
      if (proof === null) continue;
      const receipt = createReceipt({
        chain,
        digest: document.digest,
        proof,
        ...(await this.#epochs(proof)),
      });
      // Not where another transaction of the account had anchored it first.
      if (this.#heightOf(receipt) === undefined) continue;
      receipts.set(document, receipt);
      this.#ofTransaction.add(document);
    }
    const others = documents.filter((document) => !receipts.has(document));
    const entries = await batchOf(client, others, ({ digest }) => ({
      method: "state_query",
      params: { path: `anchor/${hex0x(digest)}/${wallet.addressHex}`, prove: true },
    }));
    for (const [i, document] of others.entries()) {
      const { digest } = document;
      const proof = entries[i] as Proof;
      const source = { chain, digest, sender: wallet.address, proof, ...(await this.#epochs(proof)) };
      receipts.set(document, createReceipt(source));
    }
    return receipts;
  }

  /** What a proof of a block above epoch 0 needs besides. */
  async #epochs(proof: Proof): Promise<Pick<Parameters<typeof createReceipt>[0], "epochs">> {
    const summary = "tx" in proof ? proof.summary : proof.finality?.summary;
    const epoch = summary === undefined ? 0 : epochOfSummary(summary);
    return epoch === 0 ? {} : { epochs: await this.#links.upTo(epoch) };
  }

  /** The node that gave it is believed so far: of a mined block whatever work it shows. */
  #heightOf(receipt: ReceiptFile): number | undefined {
    const answer = verifyReceipt({ receipt, genesis: this.#ports.trusted, minimumWork: 0n });
    return answer.valid && answer.sender === this.#ports.wallet.addressHex ? answer.height : undefined;
  }

  #answer(
    document: Document,
    batch: AnchorBatch,
    { kept, fresh }: { readonly kept: string | undefined; readonly fresh: ReceiptFile | undefined },
  ): FileResult[] {
    const digest = hex0x(document.digest);
    const own = batch.anchors.get(document);
    const all = (result: Omit<FileResult, "file">) => document.files.map((file) => ({ file, ...result }));
    if (own === undefined) return all({ status: "failed", digest, reason: batch.reasonFor(document) });
    const isSent = this.#ofTransaction.has(document);
    const txHash = isSent ? hex0x(must(batch.sent.get(document), "its transaction was sent").id) : null;
    const known = { digest, txHash, blockHeight: own.height, memo: own.memo };
    try {
      if (kept === undefined && fresh === undefined) throw this.problem;
      const receipt = kept ?? this.#save(digest, must(fresh, "kept or fresh, as was asked above"), isSent);
      for (const file of document.files) this.#ports.folder.note(file, digest, receipt);
      return all({ status: isSent ? "anchored" : "already", ...known, receipt });
    } catch (error) {
      this.problem = asProblem(error);
      const why = `${this.problem.message}; run the same command again`;
      const reason = `anchored in block ${own.height}, but its receipt is not written: ${why}`;
      return all({ status: "failed", ...known, reason });
    }
  }

  #save(digest: string, receipt: ReceiptFile, isVerified: boolean): string {
    const { folder, trusted, wallet, skips } = this.#ports;
    if (!isVerified && this.#heightOf(receipt) === undefined)
      throw new CliError(EXIT.refused, "BAD_PROOF", "the node's proof of it does not verify");
    const genesisHash = showHash(trusted.genesisHash);
    const shown = skips ? skipInReceipt(receipt, trusted) : receipt;
    return folder.save({ digest, sender: wallet.addressHex, genesisHash }, shown);
  }
}
