/**
 * `quorate evidence --file`: a record of equivocation, verified with the genesis alone: no node, no network. The same
 * judgement as everywhere (sdk/verify-evidence.ts).
 */
import { statSync } from "node:fs";
import { GENESIS_BYTES_MAX } from "../../base/limits.ts";
import { readTextFile } from "../../node/home/text-file.ts";
import { verifyEvidence } from "../../sdk/verify-evidence.ts";
import { badInput, EXIT, Finished, valueOrThrow } from "../exit.ts";
import type { Output } from "../output.ts";

export function checkEvidence(out: Output, file: string | undefined, genesis: string | undefined): void {
  if (file === undefined || genesis === undefined) throw badInput("--file and --genesis go together");
  const answer = verifyEvidence(read(genesis), hexIn(file));
  const value = answer.valid
    ? { ...answer, epoch: Number(answer.epoch), view: Number(answer.view), height: Number(answer.height) }
    : answer;
  if (!answer.valid) {
    out.result(value, `${out.cross} no evidence: ${answer.reason}`);
    throw new Finished(EXIT.failedCheck);
  }
  const { name, phase, view, height, digests } = answer;
  const place = phase === "view-change" ? `view ${view}` : `view ${view}, height ${height}`;
  const lines = digests.map((digest) => `  ${digest}`);
  out.result(value, [`${out.tick} ${name} signed two ${phase} messages in ${place}:`, ...lines]);
}

function hexIn(path: string): string {
  try {
    const value: unknown = JSON.parse(read(path));
    if (
      typeof value === "object" &&
      value !== null &&
      "evidence" in value &&
      typeof value.evidence === "string"
    )
      return value.evidence;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw badInput(`${path}: expected {"evidence": "0x.."}`);
}

function read(path: string): string {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat?.isFile() !== true) throw badInput(`${path}: no such file`);
  if (stat.size > GENESIS_BYTES_MAX) throw badInput(`${path}: larger than ${GENESIS_BYTES_MAX} bytes`);
  return valueOrThrow(readTextFile(path));
}
