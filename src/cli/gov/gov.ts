/**
 * `quorate gov`: how the validators of a chain change who they are. A validator's *account* proposes and votes; a new
 * key proves that it is held. The node that is asked says first what speaks against a change; --force overrides it,
 * for all to see. docs/protocol.md, "Governance".
 *
 * This folder: votes of the members, and transitions where no vote can be decided. Not here: what a change means
 * (chain/governance).
 */
import { setTimeout as pause } from "node:timers/promises";
import { type Command, InvalidArgumentError } from "commander";
import { type Address, asAddress, parseBytes32, parseHex, utf8 } from "../../base/bytes.ts";
import type { Change } from "../../chain/governance/change.ts";
import { PARAMETERS, type ParameterName } from "../../chain/governance/parameters.ts";
import { ROLES } from "../../chain/governance/roles.ts";
import { RULES_MAX } from "../../chain/governance/rules-version.ts";
import type { GovCall } from "../../chain/modules/gov-declaration.ts";
import { MODULE_NUMBER_MAX, MODULE_NUMBER_MIN } from "../../chain/types/module-version.ts";
import { type Client, Wallet } from "../../sdk/client.ts";
import { address, amount, integer, memo, parsed } from "../arguments.ts";
import { group, leaf } from "../command.ts";
import { badInput } from "../exit.ts";
import type { Output } from "../output.ts";
import { ask, connect, type RpcOptions, rpcOption } from "../rpc.ts";
import { type NameOptions, nameOptions, resolveKey } from "../tx/names.ts";
import { signingChain } from "../tx/signing-chain.ts";
import { acceptOption, trustOf } from "../tx/trust.ts";
import {
  checkHarms,
  checkSender,
  describeOutcome,
  type Membership,
  printAdvice,
  sendCall,
  sendForcedOnly,
} from "./gov-call.ts";
import { list } from "./gov-list.ts";
import { addProve } from "./gov-prove.ts";
import { keptModule, moduleChange } from "./gov-versions.ts";

interface SendOptions extends NameOptions, RpcOptions {
  readonly from: string;
  readonly fee?: bigint;
  readonly genesis?: string;
  readonly acceptTransition?: readonly string[];
  readonly force?: boolean;
  readonly note?: string;
}

interface NewcomerOptions extends SendOptions {
  readonly key: string;
  readonly proof: string;
  readonly account?: string;
  readonly peerId?: string;
}

export function addGov(program: Command): void {
  const gov = group(program, "gov", "change the validators of a chain by votes of their accounts");
  leaf<RpcOptions & { readonly limit: number }>(
    gov,
    "list",
    "show the members, the next ones and the proposals",
    (command) =>
      command.option("--limit <n>", "proposals at most", integer(1, 100), 20).addOption(rpcOption()),
    ({ out, options }) => list(out, connect(options), options.limit),
  );
  addProposals(group(gov, "propose", "propose a change; proposing is a vote for it"));
  leaf<SendOptions>(gov, "vote <proposal> <yes-or-no>", "vote on a proposal", withSending, async (given) => {
    const [proposal, word] = given.args;
    if (word !== "yes" && word !== "no") throw badInput(`expected yes or no, found "${word}"`);
    if (!/^[1-9][0-9]{0,15}$/.test(proposal))
      throw badInput(`expected the number of a proposal, found "${proposal}"`);
    const { force: isForced = false } = given.options;
    await send(given.out, given.options, () => ({
      kind: "vote",
      proposal: BigInt(proposal),
      approves: word === "yes",
      isForced,
    }));
  });
  addProve(gov);
}

function addProposals(propose: Command): void {
  leaf<NewcomerOptions>(
    propose,
    "add <name>",
    "add a validator",
    (command) =>
      withNewcomer(command)
        .requiredOption("--account <address>", "the account that votes for the new seat", address)
        .requiredOption("--peer-id <id>", "peer id of its node (quorate node-id)"),
    ({ out, options, args: [name] }) =>
      proposeChange(out, options, () => ({
        kind: "add",
        member: {
          name,
          publicKey: keyOf(options.key),
          account: keyOf(options.account ?? ""),
          peerId: options.peerId ?? "",
        },
        proof: proofOf(options.proof),
      })),
  );
  leaf<SendOptions>(
    propose,
    "remove <name>",
    "remove a validator",
    withSending,
    ({ out, options, args: [name] }) =>
      proposeChange(out, options, (membership) => ({
        kind: "remove",
        publicKey: memberKey(membership, name),
      })),
  );
  leaf<NewcomerOptions>(
    propose,
    "replace <name>",
    "give a validator's seat another key",
    withNewcomer,
    ({ out, options, args: [name] }) =>
      proposeChange(out, options, (membership) => ({
        kind: "replace",
        publicKey: memberKey(membership, name),
        newKey: keyOf(options.key),
        proof: proofOf(options.proof),
      })),
  );
  addOtherProposals(propose);
  addRules(propose);
  addModuleProposals(propose);
  addRoleProposals(propose);
}

function addOtherProposals(propose: Command): void {
  leaf<SendOptions & { readonly peerId: string }>(
    propose,
    "admit <name>",
    "let a node connect to all validators, before it is one itself",
    (command) =>
      withSending(command).requiredOption("--peer-id <id>", "peer id of the node (quorate node-id)"),
    ({ out, options, args: [name] }) =>
      proposeChange(out, options, () => ({ kind: "admit", name, peerId: options.peerId })),
  );
  leaf<SendOptions>(
    propose,
    "dismiss <name>",
    "take an admission back",
    withSending,
    ({ out, options, args: [name] }) =>
      proposeChange(out, options, ({ peers }) => {
        const peer = peers.find((one) => one.name === name || one.peerId === name);
        if (peer === undefined) throw badInput(`the chain has admitted no peer "${name}"`);
        return { kind: "dismiss", peerId: peer.peerId };
      }),
  );
  leaf<SendOptions>(
    propose,
    "set <parameter> <value>",
    `set a parameter from the next epoch on: ${PARAMETERS.join(", ")}`,
    withSending,
    ({ out, options, args: [parameter, value] }) =>
      proposeChange(out, options, () => {
        if (!PARAMETERS.some((known) => known === parameter)) {
          throw badInput(`no parameter "${parameter}": ${PARAMETERS.join(" or ")}`);
        }
        return {
          kind: "set",
          parameter: parameter as ParameterName,
          value: parsed(parameter, integer(0, 0xffff_ffff), value),
        };
      }),
  );
}

function addRules(propose: Command): void {
  leaf<SendOptions>(
    propose,
    "rules <version>",
    "execute by this version of the rules from the next epoch on; nodes that do not know it stop there",
    withSending,
    ({ out, options, args: [version] }) =>
      proposeChange(out, options, () => ({
        kind: "rules",
        version: parsed("version", integer(1, RULES_MAX), version),
      })),
  );
}

function addModuleProposals(propose: Command): void {
  leaf<SendOptions & { readonly number?: number }>(
    propose,
    "module <file>",
    "run a module's new version, or a new module, from the next epoch on; nodes without its bundled file fetch it or stop there",
    (command) =>
      withSending(command).option(
        "--number <n>",
        "number of a module that the chain does not have yet (default: the least that is free)",
        integer(MODULE_NUMBER_MIN, MODULE_NUMBER_MAX),
      ),
    ({ out, options, args: [file] }) =>
      proposeChange(out, options, ({ modules }) => moduleChange(file, modules, options.number)),
  );
  leaf<SendOptions>(
    propose,
    "keep-module <name>",
    "take a planned version of a module back: what runs now goes on",
    withSending,
    ({ out, options, args: [name] }) =>
      proposeChange(out, options, ({ modules }) => keptModule(name, modules)),
  );
}

/** Adds the proposals on the roles of accounts, for chains whose genesis has roles. */
function addRoleProposals(propose: Command): void {
  for (const kind of ["grant", "revoke"] as const) {
    leaf<SendOptions>(
      propose,
      `${kind} <account> <role>`,
      kind === "grant"
        ? `give an account a role: ${ROLES.join(" or ")}; an admin decides alone who is a sender`
        : "take a role of an account back",
      withSending,
      ({ out, options, args: [account, role] }) =>
        proposeChange(out, options, () => {
          const known = ROLES.find((one) => one === role);
          if (known === undefined) throw badInput(`no role "${role}": ${ROLES.join(" or ")}`);
          return { kind, account: keyOf(account), role: known };
        }),
    );
  }
}

function withSending(command: Command): Command {
  return nameOptions(command)
    .requiredOption("--from <name>", "a validator's account: a name, a key file or a 0x seed")
    .option("--fee <amount>", "default: the chain's least fee", amount)
    .option("--note <text>", "why, up to 128 bytes of UTF-8", memo)
    .option("--force", "send it although the node warns of harm; the chain keeps that")
    .option("--genesis <file>", "sign for the chain of this genesis.json, from a source you trust")
    .addOption(acceptOption())
    .addOption(rpcOption());
}

function withNewcomer(command: Command): Command {
  return withSending(command)
    .requiredOption("--key <key>", "the new consensus key, 0x-hex", address)
    .requiredOption("--proof <line>", "what `quorate gov prove` printed for it", proofText);
}

function proofText(text: string): string {
  if (/^[0-9]{1,16}:0x[0-9a-f]{128}$/.test(text)) return text;
  throw new InvalidArgumentError("expected a height, a colon and 64 bytes as 0x-hex.");
}

function proofOf(text: string): { height: bigint; signature: Uint8Array } {
  const [height = "0", signature = ""] = text.split(":");
  return { height: BigInt(height), signature: parseHex(signature) ?? new Uint8Array(64) };
}

function keyOf(text: string): Address {
  const bytes = parseBytes32(text);
  if (bytes === undefined) throw badInput(`expected 32 bytes as 0x-hex, found "${text}"`);
  return asAddress(bytes);
}

function memberKey({ members, nextMembers }: Membership, name: string): Address {
  const found = [...nextMembers, ...members].find((one) => one.name === name || one.publicKey === name);
  if (found !== undefined) return keyOf(found.publicKey);
  throw badInput(`no validator "${name}"; there are ${members.map((one) => one.name).join(", ")}`);
}

async function proposeChange(
  out: Output,
  options: SendOptions,
  make: (membership: Membership) => Change | Promise<Change>,
): Promise<void> {
  const note = utf8(options.note ?? "");
  await send(out, options, async (membership) => ({
    kind: "propose",
    change: await make(membership),
    isForced: options.force === true,
    note,
  }));
}

async function send(
  out: Output,
  options: SendOptions,
  make: (membership: Membership) => GovCall | Promise<GovCall>,
): Promise<void> {
  const client = connect(options);
  const membership = await ask(client.call("gov_getMembership"));
  const call = await make(membership);
  const { key, label } = await resolveKey(options.from, options);
  checkSender(membership, call, { label, address: key.publicKey });
  const { chain, trusted, fee } = await signingChain(out, client, options);
  const advice = await checkHarms(client, call, {
    begun: (words) => out.note(`${words}: waiting for it`),
    pause: () => pause(1_000),
  });
  printAdvice(out, advice);
  const trusting = connect(options, trustOf(options, undefined)) as Client;
  const wallet = Wallet.fromSeed(key.seed);
  const signing = { chain: { ...chain, genesisHash: trusted.genesisHash }, fee };
  const sender = { client: trusting, wallet, signing };
  const { sent, isForced } = await sendForcedOnly(call, advice, (one) => sendCall(sender, one));
  out.result(
    { ...sent, forced: isForced, ...advice },
    `${out.tick} ${describeOutcome(sent)}   tx ${sent.txHash}`,
  );
}
