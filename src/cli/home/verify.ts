/**
 * `quorate verify`: executes a stored chain again from its genesis, every seal, transaction and state root, and says
 * at which height it is wrong. With --deep everything that the database holds is computed again as well: roots, receipts,
 * indexes, the stored state, checkpoints. It changes nothing; the node of that folder must not run.
 */
import type { Command } from "commander";
import { showHash } from "../../base/bytes.ts";
import type { Fault } from "../../base/fault.ts";
import { readAssumedHistory } from "../../chain/assumed-history.ts";
import { ChainStore } from "../../chain/store.ts";
import type { StoredReport } from "../../node/stored-chain/check-stored.ts";
import type { Kv } from "../../storage/kv.ts";
import { dirOption, leaf } from "../command.ts";
import { CliError, EXIT, Finished } from "../exit.ts";
import { type Output, showDuration } from "../output.ts";
import { type StoppedHome, withBar, withDatabase, withStoppedHome } from "./stopped-home.ts";

interface VerifyOptions {
  readonly dir: string;
  readonly deep?: boolean;
}

const HELP = `
The node of this folder must be stopped. Without --deep the chain is executed again from its genesis and compared. With --deep
first everything that is stored is computed again: links and rules of headers, certificates or work, every signature, roots
of bodies and receipts, the index of transactions, the state against the root of the head, checkpoints; then the chain is
executed, where all its blocks are here. Of a pruned chain, or one that began from a snapshot, --deep checks what is here.

Exit codes: 0 valid, 1 NOT valid, 2 wrong input, 6 the node is running, 78 the disk failed`;

export function addVerify(program: Command): void {
  leaf<VerifyOptions>(
    program,
    "verify",
    "execute the stored chain of a stopped node again and compare",
    (command) =>
      command
        .addOption(dirOption())
        .option("--deep", "also compute again all that is stored: signatures, receipts, indexes, state")
        .addHelpText("after", HELP),
    ({ out, options }) => verify(out, options),
  );
}

/** What was found, whichever way it was looked at. */
interface Findings {
  readonly height: bigint;
  readonly headHash: string;
  readonly transactions: number;
  readonly fault: (Fault & { readonly height?: bigint }) | undefined;
  readonly stored?: StoredReport | undefined;
  readonly isExecuted: boolean;
}

async function verify(out: Output, { dir, deep = false }: VerifyOptions): Promise<void> {
  const started = performance.now();
  const found = await withStoppedHome({ dir }, (home) =>
    withDatabase(home, (kv) => (deep ? checkDeeply(out, home, kv) : checkByExecution(out, home, kv))),
  );
  printFindings(out, found, Math.round(performance.now() - started));
  if (found.fault !== undefined) throw new Finished(EXIT.failedCheck);
}

async function checkByExecution(out: Output, home: StoppedHome, kv: Kv): Promise<Findings> {
  refuseIncomplete(new ChainStore(kv, home.genesis.limits));
  return execute(out, home, kv);
}

async function execute(out: Output, { genesis }: StoppedHome, kv: Kv): Promise<Findings> {
  const { verifyChain } = await import("../../node/stored-chain/verify-chain.ts");
  const report = await withBar(out, "executing", (progress) =>
    verifyChain(genesis, kv, (done, total) => progress(Number(done), Number(total))),
  );
  return { ...report, isExecuted: true };
}

async function checkDeeply(out: Output, home: StoppedHome, kv: Kv): Promise<Findings> {
  const { checkStored } = await import("../../node/stored-chain/check-stored.ts");
  const stored = await withBar(out, "checking", (progress) =>
    checkStored(home.genesis, kv, (done, total) => progress(Number(done), Number(total))),
  );
  const { height, transactions, fault, lowestBody } = stored;
  const found = { height, headHash: showHash(stored.headHash), transactions, fault, stored };
  if (fault !== undefined || lowestBody > 1n) return { ...found, isExecuted: false };
  return { ...(await execute(out, home, kv)), stored };
}

function printFindings(out: Output, found: Findings, tookMs: number): void {
  const { height, headHash, transactions, fault, stored, isExecuted } = found;
  const value = { valid: fault === undefined, height: Number(height), headHash, transactions, tookMs };
  const more = stored === undefined ? {} : { executed: isExecuted, ...countsOf(stored) };
  if (fault !== undefined) {
    const at = fault.height === undefined ? {} : { height: Number(fault.height) };
    const where =
      fault.height === undefined ? `up to height ${height}` : `at height ${fault.height} of ${height}`;
    const shown = { code: fault.code, detail: fault.detail, ...at };
    out.result(
      { ...value, ...more, fault: shown },
      `${out.cross} NOT valid ${where}: ${fault.code}: ${fault.detail}`,
    );
    return;
  }
  const how = isExecuted ? "re-executed" : "checked";
  const what = `height ${height}  transactions ${transactions}  head ${headHash}`;
  out.result({ ...value, ...more }, [
    `${out.tick} valid   ${what}   ${how} in ${showDuration(tookMs)}`,
    ...(stored === undefined ? [] : linesOf(stored, isExecuted)),
  ]);
}

function countsOf(stored: StoredReport) {
  const { headers, certificates, signatures, receipts, indexEntries, stateEntries, checkpoints } = stored;
  const counts = { headers, certificates, signatures, receipts, indexEntries, stateEntries, checkpoints };
  return { firstBlock: Number(stored.first), lowestBody: Number(stored.lowestBody), ...counts };
}

function linesOf(stored: StoredReport, isExecuted: boolean): string[] {
  const { headers, certificates, signatures, receipts, indexEntries, stateEntries, checkpoints } = stored;
  return [
    `  headers ${headers}  certificates ${certificates}  checkpoints ${checkpoints}  signatures ${signatures}`,
    `  receipts ${receipts}  index entries ${indexEntries}  state entries ${stateEntries}`,
    ...(isExecuted
      ? []
      : [`  bodies from height ${stored.lowestBody} on are here: it was not executed from genesis`]),
  ];
}

/** Blocks that are not here cannot be executed. */
function refuseIncomplete(store: ChainStore): void {
  const [first, lowest] = [store.firstHeight(), store.lowestBody()];
  if (lowest === 1n) return;
  const assumed = readAssumedHistory(store.kv);
  const [code, why] = assumed
    ? [
        "ASSUMED",
        `this chain began from a snapshot of block ${assumed.height}, whose state is assumed until its node has executed the blocks below (${assumed.checked} so far)`,
      ]
    : first > 1n
      ? ["BEGAN_FROM_SNAPSHOT", `this chain began from a snapshot, its first block has height ${first}`]
      : ["PRUNED", `the blocks below height ${lowest} were pruned`];
  throw new CliError(
    EXIT.badInput,
    code as string,
    `${why}: it cannot be executed from its genesis. Check what is here with: quorate verify --deep`,
  );
}
