/**
 * `devnet add`, `remove` and `rotate`: the members of a running devnet change by the votes of its operators, whose keys
 * all lie on this machine. Each waits until the new epoch has begun and says what happened.
 */
import { randomBytes } from "node:crypto";
import type { Command } from "commander";
import { asAddress, EMPTY, equalBytes, hex0x, parseBytes32 } from "../../base/bytes.ts";
import { formatGenesis } from "../../chain/genesis/genesis-file.ts";
import type { Change } from "../../chain/governance/change.ts";
import type { GovCall } from "../../chain/modules/gov-declaration.ts";
import { createSigner } from "../../crypto/keys.ts";
import { homePaths } from "../../node/home/home.ts";
import { type Key, keyOfSeed, loadKey, loadPublicKey, saveKey } from "../../node/home/key-file.ts";
import type { PlannedAccount, PlannedMember } from "../../node/home/network-plan.ts";
import { Client, Wallet } from "../../sdk/client.ts";
import { openGenesis } from "../../sdk/trusted-genesis.ts";
import { leaf } from "../command.ts";
import { badInput, CliError, EXIT, valueOrThrow } from "../exit.ts";
import {
  checkHarms,
  type Membership,
  printAdvice,
  provePossession,
  sendCall,
  sendForcedOnly,
} from "../gov/gov-call.ts";
import type { Output } from "../output.ts";
import { ask } from "../rpc.ts";
import { askDevnet, type DevnetReport } from "./devnet-control.ts";
import { type DevnetPlan, loadDevnet, planDevnet } from "./devnet-plan.ts";

interface MemberOptions {
  readonly devnet: string;
  readonly force?: boolean;
}

/** Blocks come by themselves only where the devnet makes empty ones: so long for an epoch's end. */
const EPOCH_MS_MAX = 300_000;
const LOOK_MS = 250;

export function addMembers(devnet: Command, withDir: (command: Command) => Command): void {
  const declare = (command: Command) =>
    withDir(command).option("--force", "although the nodes warn of harm; the chain keeps that");
  leaf<MemberOptions>(
    devnet,
    "add <node>",
    "vote a spare node in",
    declare,
    ({ out, options, args: [node] }) =>
      change(out, options, node, async (net, target) => {
        const account = asAddress(net.operatorOf(target).address);
        const { name, peerId } = target;
        const proof = await net.prove(net.keyOf(target), account);
        const { publicKey } = keyOfSeed(net.keyOf(target));
        return { kind: "add", member: { name, publicKey, account, peerId }, proof };
      }),
  );
  leaf<MemberOptions>(
    devnet,
    "remove <node>",
    "vote a validator out",
    declare,
    ({ out, options, args: [node] }) =>
      change(out, options, node, async (net, { name }) => ({
        kind: "remove",
        publicKey: asAddress(net.seatOf(name)),
      })),
  );
  leaf<MemberOptions>(
    devnet,
    "rotate <node>",
    "give a validator's seat a new key, which its node takes by itself",
    declare,
    ({ out, options, args: [node] }) => rotate(out, options, node),
  );
}

/** The devnet as its operators see it. */
class Operators {
  readonly client: Client;
  readonly #plan: DevnetPlan;
  readonly #dir: string;
  readonly #genesisHash: Uint8Array;
  membership: Membership;

  private constructor(dir: string, plan: DevnetPlan, client: Client, membership: Membership) {
    this.#dir = dir;
    this.#plan = plan;
    this.client = client;
    this.membership = membership;
    this.#genesisHash = valueOrThrow(openGenesis(formatGenesis(plan.genesis))).genesisHash;
  }

  static async open(dir: string): Promise<Operators> {
    const plan = planDevnet(valueOrThrow(loadDevnet(dir)));
    if (plan.operators.length === 0) {
      throw badInput(
        "the validators of this devnet never change; start one whose may: quorate devnet --epoch-length 64 --spares 1",
      );
    }
    const { nodes } = await askDevnet<DevnetReport>(dir, "GET", "/status");
    const running = nodes.filter(({ state }) => state === "running").map(({ rpcUrl }) => rpcUrl);
    if (running.length === 0)
      throw new CliError(EXIT.unreachable, "UNREACHABLE", "no node of the devnet runs");
    const client = new Client(running);
    return new Operators(dir, plan, client, await ask(client.call("gov_getMembership")));
  }

  /** Finds a member by its name or index. */
  find(text: string): { readonly index: number; readonly member: PlannedMember } {
    const { members } = this.#plan;
    const index = members.findIndex(({ name }, i) => name === text || `${i}` === text);
    const member = members[index];
    if (member !== undefined) return { index, member };
    throw badInput(`no node "${text}": there are ${members.map(({ name }) => name).join(", ")}`);
  }

  operatorOf(member: PlannedMember): PlannedAccount {
    const operator = this.#plan.operators[this.#plan.members.indexOf(member)];
    if (operator === undefined) throw badInput(`${member.name} has no operator`);
    return operator;
  }

  /** The secret of the consensus key in the node's home. */
  keyOf({ name }: PlannedMember): Uint8Array {
    return valueOrThrow(loadKey(homePaths(`${this.#dir}/${name}`).validatorKey)).seed;
  }

  /** The consensus key that a validator has on the chain. */
  seatOf(name: string): Uint8Array {
    const seat = this.membership.members.find((one) => one.name === name);
    const key = seat && parseBytes32(seat.publicKey);
    if (key !== undefined) return key;
    throw badInput(
      `${name} is no validator; there are ${this.membership.members.map((one) => one.name).join(", ")}`,
    );
  }

  prove(seed: Uint8Array, account: Uint8Array) {
    return provePossession(this.client, createSigner(seed), {
      account: asAddress(account),
      genesisHash: this.#genesisHash,
    });
  }

  /** Proposes by the first operator and lets the others vote until it is approved. */
  async decide(
    out: Output,
    change: Change,
    isForced: boolean,
  ): Promise<{ readonly lastHeight: string | undefined }> {
    const call: GovCall = { kind: "propose", change, isForced, note: EMPTY };
    const advice = await checkHarms(this.client, call);
    printAdvice(out, advice);
    const [first, ...others] = this.#voters();
    if (first === undefined) throw badInput("no operator of this devnet is a validator's");
    let sent = await this.#send(first, call, advice.harms);
    const proposal = BigInt(sent.proposal);
    for (const voter of others) {
      if (sent.outcome === "approved") break;
      sent = await this.#send(voter, { kind: "vote", proposal, approves: true, isForced });
    }
    return sent;
  }

  /** Waits until the epoch that runs now is over. */
  async nextEpoch(): Promise<Membership> {
    const before = BigInt(this.membership.epoch);
    const deadline = performance.now() + EPOCH_MS_MAX;
    for (;;) {
      const membership = await ask(this.client.call("gov_getMembership"));
      if (BigInt(membership.epoch) > before && membership.nodeEpoch === membership.epoch) return membership;
      if (performance.now() > deadline) {
        throw new CliError(
          EXIT.timedOut,
          "EPOCH_RUNS",
          `epoch ${before} still runs: height ${membership.lastHeight} ends it. Blocks come with transactions, or with --empty-blocks`,
        );
      }
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
  }

  #voters(): PlannedAccount[] {
    const accounts = this.membership.members.map(({ account }) => account);
    return this.#plan.operators.filter(({ address }) => accounts.includes(hex0x(address)));
  }

  async #send({ seed }: PlannedAccount, call: GovCall, harms: readonly string[] = []) {
    const { chainId } = this.#plan.genesis;
    // A vote may have changed what genesis names.
    const fee = BigInt(this.membership.parameters.minFee);
    const chain = { chainId, genesisHash: this.#genesisHash as never };
    const sender = { client: this.client, wallet: Wallet.fromSeed(seed), signing: { chain, fee } };
    const { sent } = await sendForcedOnly(call, { harms }, (one) => sendCall(sender, one));
    return sent;
  }
}

async function change(
  out: Output,
  { devnet, force = false }: MemberOptions,
  node: string,
  make: (net: Operators, target: PlannedMember) => Promise<Change>,
): Promise<void> {
  const started = performance.now();
  const net = await Operators.open(devnet);
  const { member } = net.find(node);
  const { lastHeight } = await net.decide(out, await make(net, member), force);
  out.note(waitsFor(lastHeight));
  const after = await net.nextEpoch();
  printChange(out, member.name, after, started);
}

/** The new key waits beside the old one, and the node takes it by itself in the epoch where it has the seat. */
async function rotate(out: Output, { devnet, force = false }: MemberOptions, node: string): Promise<void> {
  const started = performance.now();
  const net = await Operators.open(devnet);
  const { member } = net.find(node);
  const publicKey = asAddress(net.seatOf(member.name));
  const paths = homePaths(`${devnet}/${member.name}`);
  const next = waitingKey(paths.nextValidatorKey);
  const account = asAddress(net.operatorOf(member).address);
  const proof = await net.prove(next.seed, account);
  const { lastHeight } = await net.decide(
    out,
    { kind: "replace", publicKey, newKey: next.publicKey, proof },
    force,
  );
  out.note(waitsFor(lastHeight));
  const after = await net.nextEpoch();
  await taken(devnet, member.name, next.publicKey);
  printChange(out, member.name, after, started);
}

/** Waits until the node has started again with the key. One that is down takes it when it is started. */
async function taken(devnet: string, name: string, key: Uint8Array): Promise<void> {
  const { validatorKey } = homePaths(`${devnet}/${name}`);
  const deadline = performance.now() + EPOCH_MS_MAX;
  for (;;) {
    const { nodes } = await askDevnet<DevnetReport>(devnet, "GET", "/status");
    const node = nodes.find((one) => one.name === name);
    if (node?.state !== "running") return;
    const found = loadPublicKey(validatorKey);
    const membership = await new Client(node.rpcUrl).call("gov_getMembership").catch(() => undefined);
    if (found.ok && equalBytes(found.value.publicKey, key) && membership?.candidate === false) return;
    if (performance.now() > deadline)
      throw new CliError(EXIT.timedOut, "NOT_TAKEN", `${name} has not started with its new key: see its log`);
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}

/** Blocks that come only with transactions may let one wait for long. */
const waitsFor = (height: string | undefined): string =>
  `approved: waiting for height ${height}, where this epoch ends (a chain without empty blocks needs transactions to get there)`;

/** Puts a new key on disk before anybody votes for it; one that an earlier try left is taken again. */
function waitingKey(path: string): Key {
  const key = keyOfSeed(new Uint8Array(randomBytes(32)));
  return saveKey(path, key).ok ? key : valueOrThrow(loadKey(path));
}

function printChange(
  out: Output,
  name: string,
  { epoch, members, firstHeight }: Membership,
  started: number,
): void {
  const seconds = Number(((performance.now() - started) / 1_000).toFixed(1));
  const names = members.map((one) => one.name);
  const isMember = names.includes(name);
  out.result({ node: name, isMember, epoch, firstHeight, members: names, seconds }, [
    `${out.tick} ${name} ${isMember ? "is a validator" : "is no validator any more; it follows the chain"} from height ${firstHeight} on (epoch ${epoch}, ${seconds} s)`,
    `  validators: ${names.join(", ")}`,
  ]);
}
