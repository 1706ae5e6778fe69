/**
 * `quorate init`: one node home. Without --genesis it starts a new chain: one whose only validator is this node, which
 * holds all the money, or with --consensus pow one that this node mines. With --genesis it joins a chain, as a full
 * node, or as a validator if that genesis names the new key's owner (which an operator arranges before); whoever
 * joins a mined chain may mine at once.
 */
import { randomBytes } from "node:crypto";
import { type Command, Option } from "commander";
import { must } from "../../base/assert.ts";
import { hex0x, showHash } from "../../base/bytes.ts";
import { shellWord } from "../../base/shell-word.ts";
import { CONSENSUS_NAMES, type ConsensusName } from "../../chain/genesis/consensus-parameters.ts";
import type { Genesis } from "../../chain/genesis/genesis.ts";
import { formatGenesis } from "../../chain/genesis/genesis-file.ts";
import { computeGenesisHash } from "../../chain/genesis/genesis-state.ts";
import { type Config, formatConfigFile } from "../../node/home/config.ts";
import { createHome, loadGenesis } from "../../node/home/home.ts";
import { type Key, keyOfSeed, saveKey } from "../../node/home/key-file.ts";
import type { MiningProfile } from "../../node/home/mining-profiles.ts";
import { DEVNET, MINED_NETWORKS, planMinedNetwork, planNetwork } from "../../node/home/network-plan.ts";
import { parsePeerAddress } from "../../node/home/peers-file.ts";
import { peerIdFromSeed } from "../../p2p/transport/identity.ts";
import { address, amount, collect, integer } from "../arguments.ts";
import { dirOption, leaf } from "../command.ts";
import { badInput, valueOrThrow } from "../exit.ts";
import type { Output } from "../output.ts";
import { checkNamedFolder } from "../output-folder.ts";
import { COINBASE_KEY, keyPath } from "./key-paths.ts";

interface InitOptions {
  readonly dir: string;
  readonly genesis?: string;
  readonly consensus?: ConsensusName;
  readonly profile?: MiningProfile;
  readonly validator?: boolean;
  readonly coinbase?: string;
  readonly name: string;
  readonly chainId?: number;
  readonly supply?: bigint;
  readonly peer?: readonly string[];
}

export function addInit(program: Command): void {
  leaf<InitOptions>(
    program,
    "init",
    "make a node home: a new chain of this node, or with --genesis a node of an existing one",
    (command) =>
      command
        .addOption(dirOption())
        .option("--genesis <file>", "join the chain of this genesis file")
        .addOption(
          new Option("--consensus <name>", "of a new chain: pbft (default), or pow to mine it").choices(
            CONSENSUS_NAMES,
          ),
        )
        .addOption(
          new Option(
            "--profile <profile>",
            "of a new mined chain: dev (default), bitcoin or regtest",
          ).choices(Object.keys(MINED_NETWORKS)),
        )
        .option("--validator", "with --genesis: make a validator key as well")
        .option(
          "--coinbase <address>",
          "who is paid for mined blocks (default: a new key in keys/coinbase.json)",
          address,
        )
        .option("--name <name>", "what the node calls itself", "node0")
        .option("--peer <multiaddr>", "a node to connect to; repeatable", collect)
        .option("--chain-id <id>", "chain id of a new chain", integer(1, Number.MAX_SAFE_INTEGER))
        .option(
          "--supply <amount>",
          "of a new chain of one validator: its balance (default: 1000000000)",
          amount,
        ),
    ({ out, options }) => {
      checkInit(options);
      makeHome(out, options);
    },
  );
}

function checkInit(options: InitOptions): void {
  const { genesis, consensus, profile, chainId, supply, validator } = options;
  const isNew = consensus ?? chainId ?? supply ?? profile;
  if (genesis !== undefined && isNew !== undefined) {
    throw badInput(
      "--consensus, --profile, --chain-id and --supply are for a new chain; with --genesis they are in the file",
    );
  }
  const mines = consensus === "pow";
  if (mines && (supply !== undefined || validator)) {
    throw badInput("--supply and --validator: a mined chain has neither; its money is mined");
  }
  if (!mines && genesis === undefined && (profile ?? options.coinbase) !== undefined) {
    throw badInput("--profile and --coinbase are for mined chains: say --consensus pow");
  }
}

/** Who this node is on its chain. */
interface Part {
  readonly genesis: Genesis;
  readonly warnings: readonly string[];
  readonly mode: Config["mode"];
  readonly validatorKey: Key | undefined;
  /** The key of the account that is paid for mined blocks, if it is made here. */
  readonly coinbaseKey: Key | undefined;
  readonly coinbase: string | undefined;
}

function makeHome(out: Output, options: InitOptions): void {
  checkNamedFolder("--dir", options.dir);
  const nodeKey = randomKey();
  const part = options.genesis === undefined ? found(options, nodeKey) : joined(options, options.genesis);
  const { genesis, mode, validatorKey, coinbaseKey, coinbase } = part;
  const paths = valueOrThrow(
    createHome(options.dir, {
      configText: formatConfigFile({ name: options.name, mode, "mining.coinbase": coinbase }),
      genesisJson: formatGenesis(genesis),
      peers: (options.peer ?? []).map((text) => valueOrThrow(parsePeerAddress(text))),
      nodeKey,
      validatorKey,
    }),
  );
  if (coinbaseKey !== undefined) valueOrThrow(saveKey(keyPath(options.dir, COINBASE_KEY), coinbaseKey));
  const facts = {
    dir: paths.dir,
    chainId: Number(genesis.chainId),
    genesisHash: showHash(computeGenesisHash(genesis)),
    peerId: peerIdFromSeed(nodeKey.seed),
    mode,
    validator: validatorKey === undefined ? undefined : hex0x(validatorKey.publicKey),
    coinbase,
  };
  for (const warning of part.warnings) out.warn(warning);
  const isMember = genesis.validators.some(({ publicKey }) => hex0x(publicKey) === facts.validator);
  if (validatorKey !== undefined && !isMember) {
    out.warn(
      "genesis.json does not name this validator key: the chain's operators must add it before block 1",
    );
  }
  const isOpen = genesis.validators.length === 0;
  const lines = [
    `${out.tick} ${mode} node in ${facts.dir}`,
    `  chain    ${facts.chainId}  genesis ${facts.genesisHash}`,
    `  peer id  ${facts.peerId}`,
    ...(facts.validator === undefined ? [] : [`  validator key and account  ${facts.validator}`]),
    ...(coinbase === undefined
      ? []
      : [
          `  coinbase ${coinbase}${coinbaseKey === undefined ? "" : `  (secret in ${keyPath(options.dir, COINBASE_KEY)})`}`,
        ]),
    ...(options.genesis === undefined || isOpen ? [] : joinHint),
    `  start it with: quorate start --dir ${shellWord(facts.dir)}`,
    ...(coinbase !== undefined && mode === "full"
      ? ["  then mine when you want: quorate miner generate 10"]
      : []),
    ...(isOpen && coinbase === undefined
      ? [`  to mine as well: quorate start --dir ${shellWord(facts.dir)} --mine --coinbase ACCOUNT`]
      : []),
  ];
  out.result(facts, lines);
}

/** A new chain: its genesis names this node, or nobody. */
function found(options: InitOptions, nodeKey: Key): Part {
  const common = { warnings: [] };
  if (options.consensus === "pow") {
    const coinbaseKey = options.coinbase === undefined ? randomKey() : undefined;
    const coinbase = options.coinbase ?? hex0x(must(coinbaseKey, "made where none was named").publicKey);
    const genesis = newMinedChain(options);
    // Two hashes a block: who mined all the time would fill the disk.
    const mode = options.profile === "regtest" ? "full" : "miner";
    return { ...common, genesis, mode, validatorKey: undefined, coinbaseKey, coinbase };
  }
  const validatorKey = randomKey();
  const genesis = newChain(options, validatorKey, nodeKey);
  return { ...common, genesis, mode: "validator", validatorKey, coinbaseKey: undefined, coinbase: undefined };
}

function joined({ validator, coinbase }: InitOptions, file: string): Part {
  const { genesis, warnings } = valueOrThrow(loadGenesis(file));
  const isMined = genesis.validators.length === 0;
  if (isMined && validator) throw badInput(`${file}: a mined chain has no validators; leave out --validator`);
  if (!isMined && coinbase !== undefined)
    throw badInput(`${file}: nothing is mined on this chain; leave out --coinbase`);
  const validatorKey = validator ? randomKey() : undefined;
  const mode = validatorKey !== undefined ? "validator" : coinbase !== undefined ? "miner" : "full";
  return { genesis, warnings, mode, validatorKey, coinbaseKey: undefined, coinbase };
}

/** A node that nobody lists is refused by all, and sees only that it has no peers. */
const joinHint: readonly string[] = [
  "  before it can connect: the nodes it dials list this name and peer id in their peers.json (then",
  "  quorate peers reload there), and its own peers.json or --peer names them",
];

function randomKey(): Key {
  return keyOfSeed(new Uint8Array(randomBytes(32)));
}

/** Nobody holds anything before the first block, on whatever profile. */
function newMinedChain({ profile = "dev", chainId }: InitOptions): Genesis {
  const network = MINED_NETWORKS[profile];
  const own = {
    name: `local-${profile}`,
    accounts: 0,
    timeMs: BigInt(Math.floor(Date.now() / 1_000) * 1_000),
  };
  const id = chainId === undefined ? network.chainId : BigInt(chainId);
  return planMinedNetwork({ ...network, ...own, miners: 1, chainId: id }, () => randomKey().seed).genesis;
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
