/**
 * `quorate anchor`: notarises files. `add` hashes them, anchors each digest once, waits until all are final and
 * writes a receipt beside each; `verify` needs the receipt, the document and genesis.json, and no node.
 */

import { existsSync, readFileSync } from "node:fs";
import { type Command, InvalidArgumentError } from "commander";
import { hex0x } from "../base/bytes.ts";
import type { SignedTransaction } from "../chain/transaction.ts";
import { type Client, RpcError, Wallet } from "../rpc/client.ts";
import {
  createReceipt,
  describeDifficulty,
  openGenesis,
  type ReceiptFile,
  type TrustAnchor,
  type TrustedGenesis,
  type VerifiedAnchor,
  verifyReceipt,
} from "../rpc/verify.ts";
import { sendLane } from "./anchorlane.ts";
import { amount } from "./arguments.ts";
import { startBar } from "./bar.ts";
import { group, leaf } from "./command.ts";
import { documentProblem, hashFile, ReceiptFolder, receiptPath, saveReceiptFile } from "./documents.ts";
import { badInput, CliError, EXIT, Finished, must } from "./exit.ts";
import { type NameOptions, nameOptions, resolveKey } from "./names.ts";
import { type Output, shorten, showCount, showDuration } from "./output.ts";
import { ask, connect, type RpcOptions, refusalError, rpcOption } from "./rpc.ts";
import { leastFee } from "./tx.ts";

interface AddOptions extends RpcOptions, NameOptions {
  readonly out: string;
  readonly from: string;
  readonly memo?: string;
  readonly fee?: bigint;
}

interface VerifyOptions {
  readonly receipts: string;
  readonly genesis: string;
  /** Of a mined chain: what the work in the receipts is held to. */
  readonly trustedBlock?: string;
  readonly minWork?: bigint;
}

/** One digest of the order; several files may share it. */
interface Document {
  readonly digest: Uint8Array;
  readonly files: string[];
}

export function addAnchor(program: Command): void {
  const anchor = group(program, "anchor", "notarise files, and verify their receipts offline");
  leaf<AddOptions>(
    anchor,
    "add <files...>",
    "anchor the digests of files, wait until they are final, write a receipt for each",
    (command) =>
      nameOptions(command)
        .requiredOption("--out <dir>", "folder for the receipts")
        .option("--from <name>", "who anchors and pays: a name, a key file or a 0x seed", "alice")
        .option("--memo <text>", "up to 128 bytes, the same for all")
        .option("--fee <amount>", "of each (default: the chain's least fee)", amount)
        .addOption(rpcOption()),
    ({ out, options, args: [files] }) => addFiles(out, options, files),
  );
  leaf<VerifyOptions>(
    anchor,
    "verify <files...>",
    "verify files by their receipts and genesis.json, without a node",
    (command) =>
      command
        .requiredOption("--receipts <dir>", "folder of the receipts")
        .requiredOption("--genesis <file>", "genesis.json of the chain, from a source you trust")
        .option(
          "--trusted-block <hash>",
          "of a mined chain: a block at or above the receipts', from a source you trust",
        )
        .option(
          "--min-work <hex>",
          "of a mined chain: expected hashes from the block on that are proof enough, 0x-hex",
          workAmount,
        ),
    ({ out, options, args: [files] }) => verifyFiles(out, options, files),
  );
}

async function addFiles(out: Output, options: AddOptions, files: readonly string[]): Promise<void> {
  const started = performance.now();
  const client = connect(options);
  const wallet = Wallet.fromSeed((await resolveKey(options.from, options)).key.seed);
  const [documents, { chain, trusted, nonce, fee }] = await Promise.all([
    hashAll(files),
    ask(prepare(client, wallet, options.fee)),
  ]);
  const known = await findAnchored(client, wallet, documents);
  const missing = documents.filter((_, i) => !known[i]);
  const sign = (document: Document, i: number) =>
    wallet.anchor({
      chain,
      digest: document.digest,
      nonce: nonce + BigInt(i),
      fee,
      ...(options.memo === undefined ? {} : { memo: options.memo }),
    });
  const signed = signAll(missing, sign);
  const bar = startBar(out, signed.length, "anchoring {bar} {value}/{total}  {duration_formatted}");
  try {
    await sendLane(client, signed, (confirmed) => bar?.update(confirmed));
  } finally {
    bar?.stop();
  }
  const anchors = new Map(missing.map((document, i) => [document, signed[i]!]));
  const results = await writeReceipts(client, documents, anchors, { chain, trusted, dir: options.out });
  const byFile = new Map(results.map((result) => [result.file, result]));
  const already = documents.length - missing.length;
  const tookMs = Math.round(performance.now() - started);
  out.result(
    { files: files.map((file) => byFile.get(file)), tookMs },
    `${out.tick} ${files.length} ${files.length === 1 ? "file" : "files"} final in ${showDuration(tookMs)}: ${signed.length} anchored${already > 0 ? `, ${already} were before` : ""}; receipts in ${options.out}`,
  );
}

async function prepare(client: Client, wallet: Wallet, fee: bigint | undefined) {
  const [chain, nonce, least, { genesis }] = await Promise.all([
    client.chain(),
    client.nextNonce(wallet.address),
    fee ?? leastFee(client),
    client.call("chain_getGenesis"),
  ]);
  return { chain, nonce, fee: least, trusted: must(openGenesis(JSON.stringify(genesis)), EXIT.broken) };
}

async function hashAll(files: readonly string[]): Promise<Document[]> {
  const problem = files.map(documentProblem).find((found) => found !== undefined);
  if (problem !== undefined) throw badInput(`${problem}. Nothing was sent`);
  const documents = new Map<string, Document>();
  for (const file of files) {
    const digest = await hashFile(file);
    const known = documents.get(hex0x(digest));
    if (known === undefined) documents.set(hex0x(digest), { digest, files: [file] });
    else known.files.push(file);
  }
  return [...documents.values()];
}

/** Which documents this account has anchored before: those are not anchored again. */
async function findAnchored(
  client: Client,
  wallet: Wallet,
  documents: readonly Document[],
): Promise<boolean[]> {
  const answers = await batchOf(client, documents, (document) => ({
    method: "state_query",
    params: { path: `anchor/${hex0x(document.digest)}/${wallet.addressHex}` },
  }));
  return answers.map((answer) => (answer as { value: string | null }).value !== null);
}

function signAll(
  documents: readonly Document[],
  sign: (document: Document, i: number) => SignedTransaction,
): SignedTransaction[] {
  try {
    return documents.map(sign);
  } catch (error) {
    if (error instanceof RangeError) throw badInput(error.message);
    throw error;
  }
}

interface ReceiptPlaces {
  readonly chain: Parameters<typeof createReceipt>[0]["chain"];
  readonly trusted: TrustedGenesis;
  readonly dir: string;
}

/** Fetches the proof of every document, checks it as a stranger would, and writes one receipt for each file. */
async function writeReceipts(
  client: Client,
  documents: readonly Document[],
  anchors: ReadonlyMap<Document, SignedTransaction>,
  { chain, trusted, dir }: ReceiptPlaces,
) {
  const proofs = await batchOf(client, documents, (document) => {
    const anchor = anchors.get(document);
    if (anchor !== undefined) return { method: "tx_getProof", params: { hash: hex0x(anchor.id) } };
    return { method: "state_query", params: { path: `anchor/${hex0x(document.digest)}`, prove: true } };
  });
  return documents.flatMap((document, i) => {
    const { digest, files } = document;
    const proof = proofs[i] as Parameters<typeof createReceipt>[0]["proof"] | null;
    if (proof === null) throw broken(`the node has no proof of ${files[0]}`);
    const receipt = createReceipt({ chain, digest, proof });
    const height = heightOf(receipt, trusted, files[0]!);
    const anchor = anchors.get(document);
    return files.map((file) => {
      const path = receiptPath(dir, file);
      saveReceiptFile(path, receipt);
      return {
        file,
        digest: hex0x(digest),
        txHash: anchor === undefined ? null : hex0x(anchor.id),
        blockHeight: height,
        receipt: path,
      };
    });
  });
}

function heightOf(receipt: ReceiptFile, trusted: TrustedGenesis, file: string): number {
  // The node that gave it is believed so far: of a mined block whatever work it shows.
  const answer = verifyReceipt({ receipt, genesis: trusted, minimumWork: 0n });
  if (answer.valid) return answer.height;
  throw broken(`the node's proof of ${file} does not verify: ${answer.reason}`);
}

function broken(message: string): CliError {
  return new CliError(EXIT.refused, "BAD_PROOF", message);
}

function workAmount(text: string): bigint {
  if (/^0x[0-9a-f]{1,64}$/i.test(text)) return BigInt(text);
  throw new InvalidArgumentError('expected work as 0x and up to 64 hex digits, such as "0x1f4000".');
}

/** Calls for every item, a few at a time so that an answer stays small. @throws CliError at the first refusal. */
async function batchOf<T>(
  client: Client,
  items: readonly T[],
  call: (item: T) => { readonly method: string; readonly params: unknown },
): Promise<unknown[]> {
  const answers: unknown[] = [];
  for (let i = 0; i < items.length; i += BATCH) {
    const calls = items.slice(i, i + BATCH).map(call) as Parameters<Client["batch"]>[0];
    for (const answer of await ask(client.batch(calls))) {
      if (answer instanceof RpcError) throw refusalError(answer);
      answers.push(answer);
    }
  }
  return answers;
}

const BATCH = 50;

async function verifyFiles(out: Output, options: VerifyOptions, files: readonly string[]): Promise<void> {
  for (const path of [options.genesis, options.receipts]) {
    if (!existsSync(path)) throw badInput(`${path}: not found`);
  }
  const trusted = must(openGenesis(readFileSync(options.genesis, "utf8")));
  const folder = new ReceiptFolder(options.receipts);
  const results: { file: string; valid: boolean; reason?: string }[] = [];
  const lines: string[] = [];
  for (const file of files) {
    const { line, ...result } = await verifyFile(out, file, folder, { trusted, anchor: anchorOf(options) });
    results.push(result);
    lines.push(line);
  }
  const invalid = results.filter((result) => !result.valid).length;
  const summary = invalid === 0 ? `all ${files.length} valid` : `${invalid} of ${files.length} NOT valid`;
  out.result({ files: results }, [...lines, summary]);
  if (invalid > 0) throw new Finished(EXIT.failedCheck);
}

function anchorOf({ trustedBlock, minWork }: VerifyOptions): TrustAnchor {
  return { anchorHash: trustedBlock, minimumWork: minWork };
}

/** Of a mined block: what its difficulty was held to. */
function describeHeld({ difficulty, confirmations }: VerifiedAnchor): string {
  return difficulty === undefined ? "" : ` (${describeDifficulty(difficulty, confirmations ?? 1)})`;
}

interface Trust {
  readonly trusted: TrustedGenesis;
  readonly anchor: TrustAnchor;
}

async function verifyFile(out: Output, file: string, folder: ReceiptFolder, { trusted, anchor }: Trust) {
  const refuse = (reason: string) => ({
    file,
    valid: false,
    reason,
    line: `${out.cross} ${file}: ${reason}`,
  });
  const problem = documentProblem(file);
  if (problem !== undefined) return refuse(problem.slice(file.length + 2));
  const digest = hex0x(await hashFile(file));
  const receipt = folder.find(file, digest);
  if (receipt === undefined) return refuse(`no receipt for it (digest ${digest})`);
  const answer = verifyReceipt({ receipt, genesis: trusted, digest, ...anchor });
  if (!answer.valid) return refuse(answer.reason);
  const { height, timeMs, sender, memo, signers } = answer;
  const proof =
    signers.length > 0
      ? `signed by ${signers.map((signer) => signer.name).join(", ")}`
      : `under work of ${showCount(Number(answer.work ?? 0))} hashes${describeHeld(answer)}`;
  const time = new Date(timeMs).toISOString();
  const said = memo === "" ? "" : `  "${memo}"`;
  const line = `${out.tick} ${file}  block ${height}  ${time}  by ${shorten(sender)}${said}  ${proof}`;
  return { file, valid: true, height, timeMs, sender, memo, digest, line };
}
