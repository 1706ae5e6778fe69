/**
 * What a newcomer says while it waits for its seat: the command by which it is proposed, anew whenever its proof of
 * possession has grown too old (it names a block at most 2K old), that it was voted in, and that it votes.
 */

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { must } from "../../base/assert.ts";
import { asAddress, hex0x, parseBytes32, parseShownHash } from "../../base/bytes.ts";
import { shellWord } from "../../base/shell-word.ts";
import { createSigner } from "../../crypto/keys.ts";
import { homePaths } from "../../node/home/home.ts";
import { type Key, loadKey, loadPublicKey } from "../../node/home/key-file.ts";
import type { RunningNode } from "../../node/node.ts";
import { peerIdFromPublicBytes } from "../../p2p/transport/identity.ts";
import { Client } from "../../sdk/client.ts";
import { CliError, EXIT, valueOrThrow } from "../exit.ts";
import { type Membership, provePossession, showProof } from "../gov/gov-call.ts";
import type { Output } from "../output.ts";
import { keyPath, OPERATOR_KEY } from "./key-paths.ts";

interface Waiting {
  readonly dir: string;
  readonly node: RunningNode;
  readonly stopping: AbortSignal;
}

const LOOK_MS = 500;
/** The file that always holds the command as it is now. */
const COMMAND_FILE = "propose.txt";

type Standing = "waiting" | "voted-in" | "validator";

export async function awaitSeat(out: Output, { dir, node, stopping }: Waiting): Promise<void> {
  const client = new Client(node.rpcUrl);
  const newcomer = readNewcomer(dir);
  let said: Standing | undefined;
  let warned = "";
  const warn = (error: unknown): undefined => {
    const words = error instanceof Error ? error.message : String(error);
    if (words !== warned) out.warn(words);
    warned = words;
  };
  let proposedAt: number | undefined;
  while (!stopping.aborted) {
    const seen = await look(client, newcomer).catch(() => undefined);
    if (seen !== undefined) {
      const { standing, membership, height, isSynced, proofBlocks, isKnown } = seen;
      if (
        standing === "waiting" &&
        isSynced &&
        (proposedAt === undefined || height >= proposedAt + proofBlocks / 2)
      ) {
        const command = await proposal(client, newcomer, membership).catch(warn);
        if (command !== undefined) {
          writeFileSync(join(dir, COMMAND_FILE), command);
          if (proposedAt === undefined) {
            sayProposal(out, dir, { command, height, proofBlocks });
            if (!isKnown) sayUnknown(out, newcomer);
          }
          proposedAt = height;
        }
      }
      if (standing !== said) {
        sayStanding(out, newcomer, { standing, membership });
        if (standing === "validator" && !isKnown) sayUnknown(out, newcomer);
      }
      said = standing;
      if (standing === "validator") return;
    }
    await pause(LOOK_MS, undefined, { signal: stopping }).catch(() => undefined);
  }
}

interface Newcomer {
  readonly key: Key | undefined;
  readonly publicKey: string;
  readonly account: string;
  readonly peerId: string;
  readonly dir: string;
}

function readNewcomer(dir: string): Newcomer {
  const paths = homePaths(dir);
  const { publicKey } = valueOrThrow(loadPublicKey(paths.validatorKey));
  // Under a password it is not asked for once more: gov prove makes the proof then.
  const key = loadKey(paths.validatorKey);
  const account = valueOrThrow(loadPublicKey(keyPath(dir, OPERATOR_KEY))).publicKey;
  const node = valueOrThrow(loadPublicKey(paths.nodeKey)).publicKey;
  return {
    key: key.ok ? key.value : undefined,
    publicKey: hex0x(publicKey),
    account: hex0x(account),
    peerId: peerIdFromPublicBytes(node),
    dir,
  };
}

async function look(client: Client, { publicKey, account }: Newcomer) {
  const membership = await client.call("gov_getMembership");
  const { height, syncing } = await client.call("node_status");
  const has = (list: Membership["members"]) => list.some((member) => member.publicKey === publicKey);
  const isMember = has(membership.members) && membership.nodeEpoch === membership.epoch;
  const standing: Standing = isMember
    ? "validator"
    : has(membership.nextMembers) || has(membership.members)
      ? "voted-in"
      : "waiting";
  const peers = await client.call("net_peers");
  const isSynced =
    syncing === false && peers.length > 0 && peers.some((peer) => Number(peer.height ?? 0) <= height + 2);
  const { genesis } = await client.call("chain_getGenesis");
  const { balance, nonce } = await client.account(account);
  const isKnown = balance !== "0" || nonce > 0;
  return { standing, membership, height, isSynced, proofBlocks: 2 * intervalOf(genesis), isKnown };
}

/** K of genesis.json, the heights between two checkpoints. */
function intervalOf(genesis: unknown): number {
  const { consensus } = genesis as { consensus?: { checkpointInterval?: number } };
  return consensus?.checkpointInterval ?? 1;
}

async function proposal(client: Client, newcomer: Newcomer, membership: Membership): Promise<string> {
  const { name, genesisHash } = await client.call("node_info");
  const { publicKey, account, peerId, key, dir } = newcomer;
  const hash = must(parseShownHash(genesisHash), "a node shows its genesis hash");
  const proof =
    key === undefined
      ? `"$(quorate gov prove validator --account ${account} --dir ${shellWord(dir)})"`
      : showProof(
          await provePossession(client, createSigner(key.seed), {
            account: asAddress(must(parseBytes32(account), "hex of an address")),
            genesisHash: hash,
          }),
        );
  const taken = membership.members.some((member) => member.name === name);
  if (taken) throw new CliError(EXIT.badInput, "NAME_TAKEN", `a validator is called ${name} already`);
  return `quorate gov propose add ${name} --key ${publicKey} --account ${account} --peer-id ${peerId} --proof ${proof} --from operator`;
}

function sayProposal(
  out: Output,
  dir: string,
  {
    command,
    height,
    proofBlocks,
  }: { readonly command: string; readonly height: number; readonly proofBlocks: number },
): void {
  out.line({ event: "propose", height, command, vote: VOTE }, [
    "To make it a validator, one of the validators' operators runs (with --dir of its node; on a devnet",
    "the accounts are called operator0, operator1, ...: --from operator0 in place of --from operator):",
    `  ${command}`,
    "and more than half of them, the first included, agree:",
    `  ${VOTE}`,
    `The proof holds for ${proofBlocks} blocks; ${join(dir, COMMAND_FILE)} always has a new one.`,
  ]);
}

/** A vote is a transaction, and a chain takes none of an account that it does not know, whatever the fee. */
function sayUnknown(out: Output, { account }: Newcomer): void {
  const command = `quorate tx transfer --from NAME --to ${account} --amount 1`;
  out.line({ event: "account-unknown", account, command }, [
    "Its account holds nothing yet, and can neither vote nor propose nor rotate a key before it does. Whoever has funds sends",
    "it some, at least what the fees of its votes come to (1 where fees are 0):",
    `  ${command}`,
  ]);
}

const VOTE = "quorate gov vote NUMBER yes --from operator";

function sayStanding(
  out: Output,
  { publicKey }: Newcomer,
  { standing, membership }: { readonly standing: Standing; readonly membership: Membership },
): void {
  const { epoch, firstHeight, lastHeight, members, nextMembers } = membership;
  const name = [...members, ...nextMembers].find((member) => member.publicKey === publicKey)?.name ?? "";
  if (standing === "voted-in") {
    out.line(
      { event: "voted-in", lastHeight },
      `${out.tick} voted in: ${name} is a validator behind height ${lastHeight}`,
    );
  }
  if (standing === "validator") {
    out.line(
      { event: "validator", epoch, firstHeight },
      `${out.tick} ${name} is a validator: epoch ${epoch}, from height ${firstHeight} on`,
    );
  }
}
