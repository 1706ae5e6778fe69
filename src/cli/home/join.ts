/**
 * `quorate join`: from an invitation to a validator, on a machine that has nothing. It fetches the genesis from the node
 * that invited and checks its hash, makes the keys, is let in, follows the chain and says what the validators must vote
 * on. When the vote takes effect the node votes by itself. Begun again on the same folder it goes on.
 */
import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import type { Command } from "commander";
import { showHash } from "../../base/bytes.ts";
import { shellWord } from "../../base/shell-word.ts";
import { hasEpochs } from "../../chain/genesis/consensus-parameters.ts";
import type { Genesis } from "../../chain/genesis/genesis.ts";
import { formatGenesis, parseGenesis } from "../../chain/genesis/genesis-file.ts";
import { computeGenesisHash } from "../../chain/genesis/genesis-state.ts";
import { formatConfigFile } from "../../node/home/config.ts";
import { createHome, homePaths, LOG_FILE, loadGenesis } from "../../node/home/home.ts";
import { decodeInvitation, type Invitation } from "../../node/home/invitation.ts";
import { type Key, keyOfSeed, saveKey } from "../../node/home/key-file.ts";
import { formatPeers, type KnownPeer, parsePeers } from "../../node/home/peers-file.ts";
import { peerIdFromSeed } from "../../p2p/transport/identity.ts";
import { Client } from "../../sdk/client.ts";
import { dirOption, leaf } from "../command.ts";
import { badInput, CliError, EXIT, valueOrThrow } from "../exit.ts";
import type { Output } from "../output.ts";
import { checkNamedFolder } from "../output-folder.ts";
import { ask } from "../rpc.ts";
import { addSettingFlags, settingsOf } from "../setting-flags.ts";
import { isFree } from "./doctor-checks.ts";
import { awaitSeat } from "./join-seat.ts";
import { joinAboveFor, standingOf } from "./join-start.ts";
import { keyPath, OPERATOR_KEY } from "./key-paths.ts";
import { passwordOptions } from "./passwords.ts";
import { runNode, type StartOptions } from "./run-node.ts";

interface JoinOptions extends StartOptions {
  readonly name?: string;
}

const HELP = `
The folder gets genesis.json, config.toml, peers.json and new keys: keys/node.json (the node), keys/validator.json (its
votes) and keys/operator.json (the account of its seat). Then the node runs until it is stopped; "quorate start"
runs it again, "quorate join TEXT" too, and says once more what must be voted on.

Where the chain has 10,000 blocks or more, or the node that invited has pruned its first ones, the newcomer begins with a
snapshot of its peers, every part of which is checked, and goes on by blocks: snapshots.join_above in its config.toml says
so. --snapshots-join-above 0 begins with all blocks.

Exit codes: 0 stopped, 2 wrong input (also an invitation that was changed or has expired), 3 refused by the node that
            invited, 4 it does not answer, 6 a port or the folder is taken`;

/** Longest that the node which invited is waited for, ms. */
const ANSWER_MS = 15_000;
const RPC_PORT = 18_545;
const P2P_PORT = 30_300;

export function addJoin(program: Command): void {
  leaf<JoinOptions>(
    program,
    "join <invitation>",
    "join a chain by an invitation (quorate invite), and become a validator when the others vote so",
    (command) => addSettingFlags(passwordOptions(command.addOption(dirOption()))).addHelpText("after", HELP),
    ({ out, options, args: [text] }) => join(out, options, text),
  );
}

async function join(out: Output, options: JoinOptions, text: string): Promise<void> {
  const opened = decodeInvitation(text);
  if (!opened.ok) throw badInput(`the invitation: ${opened.fault.detail}`);
  const invitation = opened.value;
  const paths = homePaths(options.dir);
  const isBegun = existsSync(paths.genesis);
  const genesis = isBegun
    ? ownGenesis(paths.genesis, invitation)
    : await makeHome(out, options, { text, invitation });
  if (isBegun) out.note(`${options.dir}: a home of this chain is here already; going on with it`);
  const mayVote = hasEpochs(genesis.consensus) && existsSync(paths.validatorKey);
  if (!mayVote)
    out.note("the validators of this chain are not changed by votes: this node follows the chain");
  await runNode(
    out,
    options,
    mayVote ? (node, stopping) => awaitSeat(out, { dir: options.dir, node, stopping }) : undefined,
  );
}

function ownGenesis(path: string, { genesisHash }: Invitation): Genesis {
  const { genesis } = valueOrThrow(loadGenesis(path));
  const own = computeGenesisHash(genesis);
  if (showHash(own) === showHash(genesisHash)) return genesis;
  throw badInput(
    `${path}: of the chain with genesis ${showHash(own)}, and the invitation is to ${showHash(genesisHash)}; name another folder by --dir`,
  );
}

interface Invited {
  readonly text: string;
  readonly invitation: Invitation;
}

/** Nothing is written before the genesis is checked and the node that invited has let this one in. */
async function makeHome(out: Output, options: JoinOptions, { text, invitation }: Invited): Promise<Genesis> {
  const { dir } = options;
  if (Date.now() >= invitation.expiresAtMs) {
    const when = new Date(invitation.expiresAtMs).toISOString();
    throw new CliError(
      EXIT.badInput,
      "INVITATION_EXPIRED",
      `the invitation expired at ${when}: ask for another one`,
    );
  }
  checkNamedFolder("--dir", dir);
  const client = new Client([...invitation.urls], { timeoutMs: ANSWER_MS });
  const { genesis, genesisJson } = await fetchGenesis(client, invitation);
  const [nodeKey, validatorKey, operatorKey] = [randomKey(), randomKey(), randomKey()];
  const name = options.name ?? `node-${showHash(nodeKey.publicKey).slice(-6)}`;
  const peerId = peerIdFromSeed(nodeKey.seed);
  const { peers } = await ask(client.call("net_join", { invitation: text.trim(), name, peerId }));
  const votes = hasEpochs(genesis.consensus);
  const flags = await settingsOf(options, dir);
  const asked = flags["snapshots.join_above"];
  const isFinal = genesis.consensus.type === "pbft";
  const joinAbove = joinAboveFor(isFinal ? await standingOf(client) : undefined, asked);
  const configText = formatConfigFile({
    name,
    mode: votes ? "validator" : "full",
    "log.file": LOG_FILE,
    ...(joinAbove === 0 ? {} : { "snapshots.join_above": joinAbove }),
    ...(flags["rpc.port"] === undefined
      ? await portFrom("rpc.port", RPC_PORT)
      : { "rpc.port": Number(flags["rpc.port"]) }),
    ...(flags["p2p.port"] === undefined
      ? await portFrom("p2p.port", P2P_PORT)
      : { "p2p.port": Number(flags["p2p.port"]) }),
  });
  const home = {
    configText,
    genesisJson,
    peers: peersOf(peers),
    nodeKey,
    validatorKey: votes ? validatorKey : undefined,
  };
  valueOrThrow(createHome(dir, home));
  if (votes) valueOrThrow(saveKey(keyPath(dir, OPERATOR_KEY), operatorKey));
  out.note([
    `${out.tick} ${name} in ${dir}: chain ${genesis.chainId}, genesis ${showHash(invitation.genesisHash)}, let in by ${client.url}`,
  ]);
  if (joinAbove > 0 && asked === undefined) {
    out.note(
      "it begins with a snapshot where peers have one, each part checked; with all blocks: --snapshots-join-above 0",
    );
  }
  if (genesis.modules !== undefined) {
    const message = `this chain has modules of its own: copy their files from another node's modules/ to ${homePaths(dir).modules}, then: quorate join TEXT --dir ${shellWord(dir)}`;
    throw new CliError(EXIT.badInput, "MISSING_MODULES", message);
  }
  return genesis;
}

async function fetchGenesis(
  client: Client,
  { genesisHash, urls }: Invitation,
): Promise<{ readonly genesis: Genesis; readonly genesisJson: string }> {
  const answer = await client.call("chain_getGenesis").catch((error: unknown) => {
    const why = error instanceof Error ? error.message : String(error);
    const message = `the node that invited does not answer at ${urls.join(", ")}: ${why}`;
    throw new CliError(EXIT.unreachable, "UNREACHABLE", message, { cause: error });
  });
  const parsed = parseGenesis(JSON.stringify(answer.genesis));
  if (!parsed.ok)
    throw new CliError(EXIT.refused, "BAD_GENESIS", `the genesis from ${client.url}: ${parsed.fault.detail}`);
  const { genesis } = parsed.value;
  const [found, wanted] = [showHash(computeGenesisHash(genesis)), showHash(genesisHash)];
  if (found === wanted) return { genesis, genesisJson: formatGenesis(genesis) };
  throw new CliError(
    EXIT.refused,
    "WRONG_GENESIS",
    `${client.url} gave the genesis ${found}, the invitation is to ${wanted}: nothing was written`,
  );
}

/** What a node told is held to the form of the file. */
function peersOf(peers: readonly KnownPeer[]): readonly KnownPeer[] {
  const parsed = parsePeers(formatPeers(peers));
  if (parsed.ok) return parsed.value;
  throw new CliError(EXIT.refused, "BAD_ANSWER", `the peers that the node told: ${parsed.fault.detail}`);
}

/** The port that is meant for it, or, on a machine where another node has it, one behind. */
async function portFrom(key: "rpc.port" | "p2p.port", first: number): Promise<Record<string, number>> {
  for (let port = first; port < first + 100; port++) {
    if (await isFree(port)) return port === first ? {} : { [key]: port };
  }
  return {};
}

function randomKey(): Key {
  return keyOfSeed(new Uint8Array(randomBytes(32)));
}
