/** `quorate genesis`: the hash of a genesis file, and whether a chain can start from it. Needs no node. */
import type { Command } from "commander";
import { showHash } from "../../base/bytes.ts";
import { computeGenesisHash } from "../../chain/genesis/genesis-state.ts";
import { loadGenesis } from "../../node/home/home.ts";
import { group, leaf } from "../command.ts";
import { valueOrThrow } from "../exit.ts";

export function addGenesis(program: Command): void {
  const genesis = group(program, "genesis", "look at genesis files");
  leaf(
    genesis,
    "hash <file>",
    "show the genesis hash: the name of the chain",
    (command) => command,
    ({ out, args: [file] }) => {
      const read = valueOrThrow(loadGenesis(file));
      const genesisHash = showHash(computeGenesisHash(read.genesis));
      out.result({ genesisHash }, genesisHash);
    },
  );
  leaf(
    genesis,
    "validate <file>",
    "check every field of a genesis file",
    (command) => command,
    ({ out, args: [file] }) => {
      const { genesis: read, warnings } = valueOrThrow(loadGenesis(file));
      const genesisHash = showHash(computeGenesisHash(read));
      const { validators, accounts, chainId, profile, consensus } = read;
      for (const warning of warnings) out.warn(warning);
      out.result(
        {
          valid: true,
          genesisHash,
          chainId: Number(chainId),
          profile,
          validators: validators.length,
          accounts: accounts.length,
          warnings,
        },
        [
          `${out.tick} ${file}: ${consensus.type}, chain ${chainId}, profile ${profile}, ${validators.length} validators, ${accounts.length} accounts`,
          `  genesis hash ${genesisHash}`,
        ],
      );
    },
  );
}
