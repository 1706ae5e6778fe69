/**
 * What a command believes when nodes call a transaction final, and how it says so: a genesis file of this machine
 * checks certificates, --faults counts equal answers, else one node's word is taken. It looks only at local files.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { type Command, Option } from "commander";
import { showHash } from "../../base/bytes.ts";
import { loadGenesis } from "../../node/home/home.ts";
import type { ClientOptions, Finality } from "../../sdk/client.ts";
import { openGenesis, type TrustedGenesis } from "../../sdk/trusted-genesis.ts";
import "../../sdk/verify-inclusion.ts"; // the client would load it while the time is measured
import { integer } from "../arguments.ts";
import { badInput, valueOrThrow } from "../exit.ts";
import type { NameOptions } from "./names.ts";

export interface TrustOptions extends Partial<NameOptions> {
  readonly genesis?: string;
  readonly faults?: number;
  readonly acceptTransition?: readonly string[];
}

/** The way to accept a break of trust: by its name. */
export function acceptOption(): Option {
  return new Option(
    "--accept-transition <id>",
    "accept this break of trust, by the id that quorate transition show prints; repeatable",
  ).argParser((text: string, earlier: readonly string[] = []) => {
    if (!/^0x[0-9a-f]{64}$/.test(text)) throw badInput("--accept-transition: expected 0x and 64 hex digits");
    return [...earlier, text];
  });
}

export function trustOptions(command: Command): Command {
  return command
    .addOption(acceptOption())
    .option("--genesis <file>", "check the certificate against this genesis.json, from a source you trust")
    .addOption(
      new Option("--faults <f>", "believe f+1 equal answers of the nodes of --rpc").argParser(
        integer(0, 100),
      ),
    );
}

/**
 * The trust that the options ask for. Without them the devnet's or the node's own genesis.json serves, if it is of
 * the chain that the node tells of: a file of this machine is no worse a source than its keys.
 * @param genesisHash as the node shows it; undefined when it is not known
 */
export function trustOf(
  { genesis, faults, devnet, dir, acceptTransition: accepted }: TrustOptions,
  genesisHash: string | undefined,
): Pick<ClientOptions, "genesis" | "faults"> {
  const counted = faults === undefined ? {} : { faults };
  if (genesis !== undefined) {
    const trusted = { ...open(genesis), accepted };
    const hash = showHash(trusted.genesisHash);
    if (genesisHash !== undefined && hash !== genesisHash) {
      throw badInput(
        `${genesis} is the genesis ${hash}; the node is of the chain with genesis ${genesisHash}`,
      );
    }
    return { genesis: trusted, ...counted };
  }
  if (faults !== undefined) return counted;
  for (const folder of [devnet, dir]) {
    const path = join(folder ?? "", "genesis.json");
    if (folder === undefined || !existsSync(path)) continue;
    const trusted = { ...open(path), accepted };
    if (showHash(trusted.genesisHash) === genesisHash) return { genesis: trusted };
  }
  return {};
}

/** A line for people. */
export function describeFinality({ by, nodes, signers = [], depth }: Finality): string {
  const deep = depth === undefined ? "" : `final here means ${depth} blocks on top; `;
  switch (by) {
    case "certificate":
      return `known by its block's certificate, checked here: signed by ${signers.join(", ")}`;
    case "answers":
      return `${deep}known by ${nodes.length} equal answers: ${nodes.join(", ")}`;
    case "node":
      return depth === undefined
        ? `known by the word of ${nodes.join(", ")} alone (--genesis FILE checks the certificate)`
        : `${deep}known by the word of ${nodes.join(", ")} alone`;
  }
}

function open(path: string): TrustedGenesis {
  const { genesisJson } = valueOrThrow(loadGenesis(path));
  return valueOrThrow(openGenesis(genesisJson));
}
