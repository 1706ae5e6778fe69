/** Whether the mode that was configured fits the chain, and the place of the home: checks before a node takes its home. */
import type { Config } from "../home/config.ts";
import { checkFileSystem } from "../home/file-system.ts";
import type { Home } from "../home/home.ts";
import { StartError } from "../home/start-error.ts";
import type { NodeOptions } from "../node.ts";

/** @throws StartError `wrong-mode` */
export function checkMode({ genesis }: Home, { mode, mining, mempool }: Config): void {
  const isMined = genesis.validators.length === 0;
  const detail =
    mempool.minFee > 0n && !isMined
      ? `mempool.min_fee ${mempool.minFee}: validators owe each valid transaction a place, so none may ask for more than ` +
        `the chain's minimum (limits.minFee ${genesis.limits.minFee} in genesis.json); leave it out`
      : modeProblem(isMined, mode, mining);
  if (detail !== undefined) throw new StartError({ code: "wrong-mode", detail });
}

function modeProblem(isMined: boolean, mode: Config["mode"], mining: Config["mining"]): string | undefined {
  return mode === "validator" && isMined
    ? 'mode "validator": the blocks of this chain are mined, nobody votes; start with --mine or --mode full'
    : mode === "miner" && !isMined
      ? 'mode "miner": the validators of this chain agree on its blocks, nothing is mined; start with --mode validator or full'
      : mode === "miner" && mining.coinbase === undefined
        ? 'mode "miner": say which account is paid: --coinbase 0x…, or mining.coinbase in config.toml'
        : undefined;
}

/**
 * A devnet's nodes all run on one machine, so it is enough to say it.
 * @returns what is to be said of the file system
 * @throws StartError `network-file-system`, `no-disk`
 */
export function checkHomePlace({
  home,
  config,
  isNetworkHome = false,
  devnet,
}: NodeOptions): readonly string[] {
  const { dir, journal, db } = home.paths;
  const votes = config.mode === "validator";
  const isExclusive = isNetworkHome || devnet !== undefined;
  const checked = checkFileSystem({ folders: [dir, journal, db], votes, isExclusive });
  if (!checked.ok) throw new StartError(checked.fault);
  return checked.value;
}
