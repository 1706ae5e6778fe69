/**
 * `quorate transition`: the way on where more than f validators are gone for good and no vote can be decided. `make` writes what
 * is proposed, each operator who remains signs it, every node is started with it. Source: docs/protocol.md, "Transition".
 */
import { existsSync } from "node:fs";
import type { Command } from "commander";
import {
  asAddress,
  asHash,
  equalBytes,
  hex0x,
  parseBytes32,
  parseShownHash,
  showHash,
} from "../../base/bytes.ts";
import {
  checkTransition,
  type OperatorSignature,
  REASON_LENGTH_MAX,
  remainingAccounts,
  type Transition,
  transitionId,
  transitionSigningBytes,
} from "../../chain/types/transition.ts";
import { createValidatorSet, type Validator, type ValidatorSet } from "../../chain/types/validator-set.ts";
import { quorumOf } from "../../consensus/pbft/quorum.ts";
import { createSigner, verifySignature } from "../../crypto/keys.ts";
import { readTransitionFile, writeTransitionFile } from "../../node/home/transition-files.ts";
import type { Client } from "../../sdk/client.ts";
import { collect, integer } from "../arguments.ts";
import { group, leaf } from "../command.ts";
import { badInput, CliError, EXIT, Finished, valueOrThrow } from "../exit.ts";
import type { Output } from "../output.ts";
import { ask, connect, type RpcOptions, rpcOption } from "../rpc.ts";
import { type NameOptions, nameOptions, resolveKey } from "../tx/names.ts";
import type { Membership } from "./gov-call.ts";

interface MakeOptions extends RpcOptions {
  readonly out: string;
  readonly reason: string;
  readonly remove?: readonly string[];
  readonly add?: readonly string[];
  readonly signatures?: number;
}

interface SignOptions extends RpcOptions, NameOptions {
  readonly from: string;
}

const HELP = `
Only where the chain stands for good: whoever is put out here did not agree. make on the node with the highest block,
let each operator who stays sign the file in turn, start every node that stays with it:
  quorate transition make --out transition.json --remove node2 --remove node3 --reason "both machines burnt"
  quorate transition sign transition.json --from operator
  quorate start --dir HOME --transition transition.json
Verifiers must accept it by its id: quorate anchor verify --accept-transition ID.`;

const SHOW_HELP = `
Signatures are verified without a node too; whose accounts they are, and who is missing, only a node knows.

Exit codes: 0 what is signed holds (signatures may be missing still), 1 a signature or the file does not hold, 2 wrong input`;

export function addTransition(program: Command): void {
  const transition = group(
    program,
    "transition",
    "put other validators in place of those that are gone for good: a break of trust",
  ).addHelpText("after", HELP);
  leaf<MakeOptions>(
    transition,
    "make",
    "write what is to be signed: the validators behind the newest block",
    (command) =>
      command
        .requiredOption("--out <file>", "the file; it must not exist")
        .requiredOption("--reason <text>", "why, for everybody who reads the chain")
        .option("--remove <name>", "a validator that is gone; repeatable", collect)
        .option("--add <name:key:account:peer-id>", "a validator besides; repeatable", collect)
        .option("--signatures <n>", "how many operators must sign (default: all who stay)", integer(1, 200))
        .addOption(rpcOption()),
    ({ out, options }) => make(out, options),
  );
  leaf<SignOptions>(
    transition,
    "sign <file>",
    "sign it by the account of a validator, after a look at this node's chain",
    (command) =>
      nameOptions(command)
        .option("--from <name>", "the account of a validator that stays", "operator")
        .addOption(rpcOption()),
    ({ out, options, args: [file] }) => sign(out, options, file),
  );
  leaf<RpcOptions>(
    transition,
    "show <file>",
    "say what a file does, who has signed it, and whether that holds",
    (command) => command.addOption(rpcOption()).addHelpText("after", SHOW_HELP),
    ({ out, options, args: [file] }) => show(out, options, file),
  );
}

async function make(out: Output, options: MakeOptions): Promise<void> {
  const { reason, remove = [], add = [] } = options;
  if (existsSync(options.out)) throw badInput(`${options.out}: exists already`);
  if (reason.length === 0 || reason.length > REASON_LENGTH_MAX)
    throw badInput(`--reason: 1 to ${REASON_LENGTH_MAX} characters`);
  const client = connect(options);
  const { replaced, height, parentHash, genesisHash } = await standOf(client);
  const unknown = remove.find((name) => !replaced.members.some((member) => member.name === name));
  if (unknown !== undefined)
    throw badInput(
      `no validator "${unknown}"; there are ${replaced.members.map(({ name }) => name).join(", ")}`,
    );
  const stay = replaced.members.filter(({ name }) => !remove.includes(name));
  const members = [...stay, ...add.map(parseMember)];
  const { epoch } = replaced;
  const least = Math.max(1, remainingAccounts({ members }, replaced).length);
  const fields = { genesisHash, epoch: epoch + 1n, height, parentHash, reason, members, signatures: [] };
  const transition = { ...fields, signaturesNeeded: options.signatures ?? least };
  const wrong = checkTransition(transition, replaced);
  if (wrong !== undefined && wrong.code !== "unsigned") throw badInput(wrong.detail);
  writeTransitionFile(options.out, transition);
  out.result({ file: options.out, id: hex0x(transitionId(transition)), ...facts(transition) }, [
    `${out.tick} ${options.out}`,
    ...describe(transition, replaced),
    "  the operators who stay sign it in turn: quorate transition sign FILE --from operator",
  ]);
}

async function sign(out: Output, options: SignOptions, file: string): Promise<void> {
  const transition = valueOrThrow(readTransitionFile(file));
  const { key } = await resolveKey(options.from, options);
  const { replaced, height, parentHash, genesisHash } = await standOf(connect(options));
  const refuse = (message: string) => new CliError(EXIT.refused, "WRONG_TRANSITION", message);
  if (!equalBytes(genesisHash, transition.genesisHash)) throw refuse("it is of another chain");
  if (height > transition.height)
    throw refuse(
      `block ${height} is final here, and the file goes on from ${transition.height}: ${height - transition.height} final blocks would be lost. Make it anew on this node`,
    );
  if (height < transition.height)
    throw refuse(
      `this node is at height ${height}, the file goes on from ${transition.height}: let it follow first`,
    );
  if (!equalBytes(parentHash, transition.parentHash))
    throw refuse(
      `block ${height} is ${showHash(parentHash)} here, the file goes on from ${showHash(transition.parentHash)}`,
    );
  const member = replaced.members.find(({ account }) => equalBytes(account, key.publicKey));
  if (member === undefined) throw refuse(`${hex0x(key.publicKey)} is no account of a validator`);
  const signature = createSigner(key.seed).sign(transitionSigningBytes(transitionId(transition)));
  const others = transition.signatures.filter(({ account }) => !equalBytes(account, key.publicKey));
  const signed = { ...transition, signatures: [...others, { account: key.publicKey, signature }] };
  const wrong = checkTransition(signed, replaced);
  if (wrong !== undefined && wrong.code !== "unsigned") throw refuse(wrong.detail);
  writeTransitionFile(file, signed);
  out.result({ file, id: hex0x(transitionId(signed)), isComplete: wrong === undefined, ...facts(signed) }, [
    `${out.tick} signed for ${member.name}`,
    ...describe(signed, replaced),
  ]);
}

async function show(out: Output, options: RpcOptions, file: string): Promise<void> {
  const transition = valueOrThrow(readTransitionFile(file));
  const { replaced, unknown } = await replacedBy(transition, options);
  const wrong = replaced && checkTransition(transition, replaced);
  const bad = badSignatures(transition, replaced);
  const isWrong = bad.length > 0 || wrong?.code === "wrong-transition";
  const value = {
    id: hex0x(transitionId(transition)),
    isComplete: replaced === undefined ? null : wrong === undefined,
    fault: wrong?.detail ?? bad[0] ?? null,
    badSignatures: bad,
    unknown: unknown ?? null,
    ...facts(transition),
  };
  const others = isWrong && bad.length === 0 && wrong !== undefined ? [wrong.detail] : [];
  out.result(value, [
    ...describe(transition, replaced),
    ...[...bad, ...others].map((words) => `  ${out.cross} ${out.style("red", words)}`),
    ...(unknown === undefined ? [] : [`  not known: ${unknown}`]),
  ]);
  if (isWrong) throw new Finished(EXIT.failedCheck);
}

/** The signatures that hold for what the file says now, or those that do not. */
function signaturesThat(hold: boolean, transition: Transition): readonly OperatorSignature[] {
  const message = transitionSigningBytes(transitionId(transition));
  return transition.signatures.filter(
    ({ account, signature }) => verifySignature(account, message, signature) === hold,
  );
}

function badSignatures(transition: Transition, replaced: ValidatorSet | undefined): string[] {
  const known = [...(replaced?.members ?? []), ...transition.members];
  return signaturesThat(false, transition).map(({ account }) => {
    const name = known.find((one) => equalBytes(one.account, account))?.name ?? hex0x(account);
    return `the signature of ${name} does not hold: the file was changed after it was signed, or its account signed another one`;
  });
}

interface Replaced {
  /** The set that the file replaces, where a node that was asked has it. */
  readonly replaced?: ValidatorSet;
  /** Why not, and what is not known for that. */
  readonly unknown?: string;
}

/** Who is replaced only a node knows; without one the file itself is shown. */
async function replacedBy(transition: Transition, options: RpcOptions): Promise<Replaced> {
  const unknown = (why: string): Replaced => ({
    unknown: `${why}, so whose accounts have signed, who is missing, and whether block ${transition.height} is the last one was compared with no chain`,
  });
  const client = connect(options);
  try {
    const { genesisHash, replaced } = await standOf(client);
    if (!equalBytes(genesisHash, transition.genesisHash))
      return unknown(
        `the chain of ${client.url} has the genesis ${showHash(genesisHash)}, the file's is ${showHash(transition.genesisHash)}`,
      );
    if (replaced.epoch + 1n !== transition.epoch)
      return unknown(
        `behind the newest block of ${client.url} comes epoch ${replaced.epoch + 1n}, the file opens epoch ${transition.epoch}`,
      );
    return { replaced };
  } catch (error) {
    if (!(error instanceof CliError)) throw error;
    if (error.exitCode === EXIT.unreachable) return unknown(`no node answered at ${options.rpc.join(", ")}`);
    return unknown(`the node at ${client.url} did not say: ${error.message}`);
  }
}

/** The chain as a node has it: its newest block, and the set that a block behind it would be of. */
async function standOf(client: Client) {
  const membership = await ask(client.call("gov_getMembership"));
  const head = await ask(client.call("chain_getHead"));
  const { genesisHash } = await ask(client.call("node_info"));
  const [own, parent] = [parseShownHash(genesisHash), parseShownHash(head.hash)];
  if (own === undefined || parent === undefined)
    throw new CliError(EXIT.broken, "BAD_ANSWER", "the node shows a hash that is none");
  return {
    genesisHash: asHash(own),
    parentHash: asHash(parent),
    height: BigInt(head.height),
    replaced: setOf(membership),
  };
}

function setOf({ epoch, members }: Membership): ValidatorSet {
  const bytes = (hex: string) => asAddress(parseBytes32(hex) ?? new Uint8Array(32));
  return createValidatorSet(
    BigInt(epoch),
    members.map(({ name, publicKey, account, peerId }) => ({
      name,
      publicKey: bytes(publicKey),
      account: bytes(account),
      peerId,
    })),
  );
}

function parseMember(text: string): Validator {
  const [name = "", key = "", own = "", peerId = "", ...rest] = text.split(":");
  const [publicKey, account] = [parseBytes32(key), parseBytes32(own)];
  if (publicKey === undefined || account === undefined || name === "" || peerId === "" || rest.length > 0)
    throw badInput(`--add ${text}: expected NAME:KEY:ACCOUNT:PEERID, as quorate join prints them`);
  return { name, publicKey: asAddress(publicKey), account: asAddress(account), peerId };
}

function facts({ height, members, signatures, signaturesNeeded, reason }: Transition) {
  return {
    height: Number(height),
    validators: members.map(({ name }) => name),
    signatures: signatures.length,
    signaturesNeeded,
    reason,
  };
}

function describe(transition: Transition, replaced: ValidatorSet | undefined): string[] {
  const { height, epoch, members, signaturesNeeded, reason, parentHash } = transition;
  const signatures = signaturesThat(true, transition);
  const lines = [
    `  id          ${hex0x(transitionId(transition))}`,
    `  behind      height ${height}, block ${showHash(parentHash)}; epoch ${epoch}`,
    `  validators  ${members.map(({ name }) => name).join(", ")}`,
    `  reason      ${reason}`,
  ];
  if (replaced === undefined)
    return [...lines, `  signatures  ${signatures.length} of ${signaturesNeeded} needed`];
  const has = (account: Uint8Array) => signatures.some((one) => equalBytes(one.account, account));
  const names = (list: readonly Validator[]) => list.map(({ name }) => name).join(", ") || "nobody";
  const missing = replaced.members.filter(
    ({ account }) =>
      !has(account) && remainingAccounts(transition, replaced).some((one) => equalBytes(one, account)),
  );
  const signed = replaced.members.filter(({ account }) => has(account));
  const { n, quorum } = quorumOf(replaced.members.length);
  const silent = n - Math.max(signed.length, signaturesNeeded);
  return [
    ...lines,
    `  signatures  ${signatures.length} of ${signaturesNeeded} needed: ${names(signed)}${missing.length === 0 ? "" : `; missing: ${names(missing)}`}`,
    ...(silent < quorum
      ? []
      : [
          `  WARNING: the ${silent} validators who do not sign are a quorum (${quorum}): if they are not gone, they go on by themselves and there are two chains`,
        ]),
  ];
}
