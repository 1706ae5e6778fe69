/**
 * `quorate verify`: executes a stored chain again from its genesis, every seal, transaction and state root, and says
 * at which height it is wrong. It changes nothing; the node of that folder must not run.
 */
import { existsSync } from "node:fs";
import type { Command } from "commander";
import { ChainStore } from "../../chain/store.ts";
import { homePaths, loadGenesis } from "../../node/home/home.ts";
import { takeLock } from "../../node/home/lock.ts";
import { startBar } from "../bar.ts";
import { dirOption, leaf } from "../command.ts";
import { CliError, EXIT, Finished, valueOrThrow } from "../exit.ts";
import { type Output, showDuration } from "../output.ts";

const BAR = "verifying {bar} {value}/{total} blocks  {duration_formatted}";

interface VerifyOptions {
  readonly dir: string;
}

export function addVerify(program: Command): void {
  leaf<VerifyOptions>(
    program,
    "verify",
    "execute the stored chain of a stopped node again and compare",
    (command) => command.addOption(dirOption()),
    ({ out, options }) => verify(out, options.dir),
  );
}

async function verify(out: Output, dir: string): Promise<void> {
  const paths = homePaths(dir);
  const { genesis } = valueOrThrow(loadGenesis(paths.genesis));
  if (!existsSync(paths.db)) {
    throw new CliError(EXIT.badInput, "MISSING", `${paths.db}: not found; this node has never been started`);
  }
  const lock = valueOrThrow(takeLock(paths.lock), EXIT.busy);
  try {
    const [{ openLevel }, { verifyChain }] = await Promise.all([
      import("../../storage/level.ts"),
      import("../../node/home/verify-chain.ts"),
    ]);
    const kv = await openLevel(paths.db);
    let bar: ReturnType<typeof startBar>;
    const started = performance.now();
    try {
      refuseSnapshot(new ChainStore(kv, genesis.limits).firstHeight());
      const report = await verifyChain(genesis, kv, (done, total) => {
        if (done === 1n) bar = startBar(out, Number(total), BAR);
        bar?.update(Number(done));
      });
      bar?.stop();
      const tookMs = Math.round(performance.now() - started);
      const { height, headHash, transactions, fault } = report;
      const value = { valid: fault === undefined, height, headHash, transactions, tookMs };
      if (fault === undefined) {
        const what = `height ${height}  transactions ${transactions}  head ${headHash}`;
        out.result(
          { ...value, height: Number(height) },
          `${out.tick} valid   ${what}   re-executed in ${showDuration(tookMs)}`,
        );
        return;
      }
      out.result(
        { ...value, height: Number(height), fault: { ...fault, height: Number(fault.height) } },
        `${out.cross} NOT valid at height ${fault.height} of ${height}: ${fault.code}: ${fault.detail}`,
      );
      throw new Finished(EXIT.failedCheck);
    } finally {
      bar?.stop();
      await kv.close();
    }
  } finally {
    lock.release();
  }
}

/** Blocks below a snapshot are not there to be executed. */
function refuseSnapshot(firstHeight: bigint): void {
  if (firstHeight === 1n) return;
  throw new CliError(
    EXIT.badInput,
    "BEGAN_FROM_SNAPSHOT",
    `this chain began from a snapshot, its first block has height ${firstHeight}: it cannot be executed from its ` +
      "genesis. Check the snapshot with: quorate snapshot verify",
  );
}
