/**
 * `quorate init`: one node home. Without --genesis it starts a new chain whose only validator is this node, which
 * holds all the money: the smallest chain there is. With --genesis it joins a chain, as a full node, or as a
 * validator if that genesis names the new key's owner (which an operator arranges before).
 */
import { randomBytes } from "node:crypto";
import type { Command } from "commander";
import { hex0x, showHash } from "../base/bytes.ts";
import type { Genesis } from "../chain/genesis.ts";
import { formatGenesis } from "../chain/genesisfile.ts";
import { computeGenesisHash } from "../chain/genesisstate.ts";
import { formatConfigFile } from "../node/config.ts";
import { createHome, loadGenesis } from "../node/home.ts";
import { type Key, keyOfSeed } from "../node/keyfile.ts";
import { DEVNET, planNetwork } from "../node/networkplan.ts";
import { parsePeerAddress } from "../node/peersfile.ts";
import { peerIdFromSeed } from "../p2p/identity.ts";
import { amount, collect, integer } from "./arguments.ts";
import { dirOption, leaf } from "./command.ts";
import { badInput, must } from "./exit.ts";

interface InitOptions {
  readonly dir: string;
  readonly genesis?: string;
  readonly validator?: boolean;
  readonly name: string;
  readonly chainId?: number;
  readonly supply?: bigint;
  readonly peer?: readonly string[];
}

export function addInit(program: Command): void {
  leaf<InitOptions>(
    program,
    "init",
    "make a node home: a new chain of one validator, or with --genesis a node of an existing one",
    (command) =>
      command
        .addOption(dirOption())
        .option("--genesis <file>", "join the chain of this genesis file")
        .option("--validator", "with --genesis: make a validator key as well")
        .option("--name <name>", "what the node calls itself", "node0")
        .option("--peer <multiaddr>", "a node to connect to; repeatable", collect)
        .option("--chain-id <id>", "of a new chain (default: 31337)", integer(1, Number.MAX_SAFE_INTEGER))
        .option("--supply <amount>", "of a new chain: the validator's balance (default: 1000000000)", amount),
    ({ out, options }) => {
      const nodeKey = randomKey();
      const joins = options.genesis !== undefined;
      if (joins && (options.chainId !== undefined || options.supply !== undefined)) {
        throw badInput("--chain-id and --supply are for a new chain; with --genesis they are in the file");
      }
      const validatorKey = !joins || options.validator ? randomKey() : undefined;
      const genesis = joins
        ? must(loadGenesis(options.genesis!))
        : { genesis: newChain(options, validatorKey!, nodeKey), warnings: [] };
      const paths = must(
        createHome(options.dir, {
          configText: formatConfigFile({
            name: options.name,
            mode: validatorKey === undefined ? "full" : "validator",
          }),
          genesisJson: formatGenesis(genesis.genesis),
          peers: (options.peer ?? []).map((text) => must(parsePeerAddress(text))),
          nodeKey,
          validatorKey,
        }),
      );
      const facts = {
        dir: paths.dir,
        chainId: Number(genesis.genesis.chainId),
        genesisHash: showHash(computeGenesisHash(genesis.genesis)),
        peerId: peerIdFromSeed(nodeKey.seed),
        mode: validatorKey === undefined ? "full" : "validator",
        validator: validatorKey === undefined ? undefined : hex0x(validatorKey.publicKey),
      };
      for (const warning of genesis.warnings) out.warn(warning);
      const isMember = genesis.genesis.validators.some(
        ({ publicKey }) => hex0x(publicKey) === facts.validator,
      );
      if (joins && validatorKey !== undefined && !isMember) {
        out.warn(
          "genesis.json does not name this validator key: the chain's operators must add it before block 1",
        );
      }
      const lines = [
        `${out.tick} ${facts.mode} node in ${facts.dir}`,
        `  chain    ${facts.chainId}  genesis ${facts.genesisHash}`,
        `  peer id  ${facts.peerId}`,
        ...(facts.validator === undefined ? [] : [`  validator key and account  ${facts.validator}`]),
        ...(joins ? [joinHint] : []),
        `  start it with: quorate start --dir ${facts.dir}`,
      ];
      out.result(facts, lines.join("\n"));
    },
  );
}

/** A node that nobody lists is refused by all, and sees only that it has no peers. */
const joinHint =
  "  before it can connect: the nodes it dials list this name and peer id in their peers.json (and\n" +
  "  restart), and its own peers.json or --peer names them";

function randomKey(): Key {
  return keyOfSeed(new Uint8Array(randomBytes(32)));
}

function newChain({ name, chainId, supply }: InitOptions, validatorKey: Key, nodeKey: Key): Genesis {
  const network = { ...DEVNET, name: "local", validators: 1, accounts: 0, timeMs: BigInt(Date.now()) };
  const secrets = (kind: string) => (kind === "validator" ? validatorKey.seed : nodeKey.seed);
  const { genesis } = planNetwork({ ...network, chainId: BigInt(chainId ?? 31_337) }, secrets);
  return {
    ...genesis,
    validators: genesis.validators.map((validator) => ({ ...validator, name })),
    accounts: [{ address: validatorKey.publicKey, balance: supply ?? 1_000_000_000n }],
  };
}
