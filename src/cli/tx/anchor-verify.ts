/**
 * `quorate anchor verify`: each file by the receipts of its digest, whatever it is called; the first that verifies
 * counts. One answer for each file, and what was passed over is said.
 */
import { hex0x } from "../../base/bytes.ts";
import { readTextFile } from "../../node/home/text-file.ts";
import { verifySkippingReceipt } from "../../sdk/epoch-skips.ts";
import {
  describeDifficulty,
  openGenesis,
  type ReceiptQuestion,
  type TrustAnchor,
  type TrustedGenesis,
  type VerifiedAnchor,
  verifyReceipt,
} from "../../sdk/verify.ts";
import { badInput, EXIT, Finished, valueOrThrow } from "../exit.ts";
import { fileProblem } from "../file-problem.ts";
import { type Output, shorten, showCount } from "../output.ts";
import { hashDocument } from "./documents.ts";
import { ReceiptFolder, type SkippedReceipt } from "./receipt-folder.ts";

export interface VerifyOptions {
  readonly receipts: string;
  readonly genesis: string;
  /** What the work in the receipts of a mined chain is held to. */
  readonly trustedBlock?: string;
  readonly minWork?: bigint;
  /** The ids of transitions that are accepted. */
  readonly acceptTransition?: readonly string[];
  readonly skipEpochs?: boolean;
}

interface Trust {
  readonly trusted: TrustedGenesis;
  readonly anchor: TrustAnchor;
  readonly verify: (question: ReceiptQuestion) => ReturnType<typeof verifySkippingReceipt>;
}

/** Exit code 1 when one is not valid. */
export async function verifyFiles(
  out: Output,
  options: VerifyOptions,
  files: readonly string[],
): Promise<void> {
  const opened = valueOrThrow(openGenesis(readGenesis(options.genesis)));
  const trusted = { ...opened, accepted: options.acceptTransition };
  const folder = valueOrThrow(ReceiptFolder.open(options.receipts));
  const verify = options.skipEpochs === true ? verifySkippingReceipt : verifyReceipt;
  const trust = {
    trusted,
    verify,
    anchor: { anchorHash: options.trustedBlock, minimumWork: options.minWork },
  };
  const results: { file: string; valid: boolean; reason?: string }[] = [];
  const lines: string[] = [];
  for (const file of files) {
    const { line, ...result } = await verifyFile(out, file, folder, trust);
    results.push(result);
    lines.push(line);
  }
  const invalid = results.filter((result) => !result.valid).length;
  const summary = invalid === 0 ? `all ${files.length} valid` : `${invalid} of ${files.length} NOT valid`;
  const skipped = warnOfSkipped(out, folder);
  out.result({ files: results, ...skipped }, [...lines, summary]);
  if (invalid > 0) throw new Finished(EXIT.failedCheck);
}

/** What of the folder could not be used: said, and in the result. */
export function warnOfSkipped(out: Output, folder: ReceiptFolder): { skipped?: readonly SkippedReceipt[] } {
  const skipped = [...new Map(folder.skipped.map((item) => [item.path, item])).values()];
  for (const { path, reason } of skipped.slice(0, SKIPPED_SHOWN)) out.warn(`skipped ${path}: ${reason}`);
  if (skipped.length > SKIPPED_SHOWN) out.warn(`skipped ${skipped.length - SKIPPED_SHOWN} more`);
  return skipped.length === 0 ? {} : { skipped };
}

const SKIPPED_SHOWN = 10;

function readGenesis(path: string): string {
  try {
    return valueOrThrow(readTextFile(path));
  } catch (error) {
    const problem = fileProblem(error);
    throw problem === undefined ? error : badInput(`${path}: ${problem}`);
  }
}

async function verifyFile(out: Output, file: string, folder: ReceiptFolder, trust: Trust) {
  const refuse = (reason: string) => ({
    file,
    valid: false,
    reason,
    line: `${out.cross} ${file}: ${reason}`,
  });
  const hashed = await hashDocument(file);
  if (!hashed.ok) return refuse(hashed.fault.detail);
  const digest = hex0x(hashed.value);
  let problem: string | undefined;
  for (const { text, path } of folder.find(digest)) {
    const answer = trust.verify({ receipt: text, genesis: trust.trusted, digest, ...trust.anchor });
    if (answer.valid) return { file, valid: true, ...describe(out, file, digest, answer), receipt: path };
    problem ??= answer.reason;
  }
  return refuse(problem ?? missing(folder.digestOfName(file), digest));
}

function missing(anchored: string | undefined, digest: string): string {
  return anchored === undefined
    ? `no receipt for it (digest ${digest})`
    : `the document differs: its digest is ${digest}, what was anchored under this name had ${anchored}`;
}

function describe(
  out: Output,
  file: string,
  digest: string,
  answer: VerifiedAnchor & { readonly skipped?: readonly { readonly from: number; readonly to: number }[] },
) {
  const { height, timeMs, sender, memo, signers, breaks = [], skipped = [] } = answer;
  const proof =
    signers.length > 0
      ? `signed by ${signers.map((signer) => signer.name).join(", ")}`
      : `under work of ${showCount(Number(answer.work ?? 0))} hashes${describeHeld(answer)}`;
  const time = new Date(timeMs).toISOString();
  const said = memo === "" ? "" : `  "${memo}"`;
  const rests = breaks.map(
    (one) => `  RESTS ON A BREAK OF TRUST that you accepted: ${one.id} behind height ${one.height}`,
  );
  rests.push(...skipped.map(({ from, to }) => `  epochs ${from + 1} to ${to - 1} not looked at`));
  const line = `${out.tick} ${file}  block ${height}  ${time}  by ${shorten(sender)}${said}  ${proof}${rests.join("")}`;
  return {
    height,
    timeMs,
    sender,
    memo,
    digest,
    line,
    ...(breaks.length === 0 ? {} : { breaks }),
    ...(skipped.length === 0 ? {} : { skipped }),
  };
}

/** Says what the difficulty of a mined block was held to. */
function describeHeld({ difficulty, confirmations }: VerifiedAnchor): string {
  return difficulty === undefined ? "" : ` (${describeDifficulty(difficulty, confirmations ?? 1)})`;
}
