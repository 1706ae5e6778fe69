/**
 * `quorate keys rotate`: gives a validator's seat a new key without losing the seat. It makes the new key beside the present
 * one, proposes it by the operator's account, and says how far the votes are; the node changes to the key by itself in the
 * epoch where it holds. Called again, whatever became of the last call, it goes on where things stand.
 */
import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { type Command, Option } from "commander";
import { asAddress, EMPTY, hex0x, parseBytes32 } from "../../base/bytes.ts";
import { hasEpochs } from "../../chain/genesis/consensus-parameters.ts";
import type { GovCall } from "../../chain/modules/gov-declaration.ts";
import { createSigner } from "../../crypto/keys.ts";
import { loadConfig } from "../../node/home/config.ts";
import { type HomePaths, homePaths, loadGenesis } from "../../node/home/home.ts";
import {
  formatEncryptedKey,
  formatKey,
  type Key,
  keyOfSeed,
  loadKey,
  loadPublicKey,
  saveKeyText,
} from "../../node/home/key-file.ts";
import { nextPublicKey, oldKeys } from "../../node/home/next-key.ts";
import { readTextFile } from "../../node/home/text-file.ts";
import { type Client, type ResultOf, Wallet } from "../../sdk/client.ts";
import { amount, list, memo, rpcUrl } from "../arguments.ts";
import { leaf } from "../command.ts";
import { badInput, CliError, EXIT, valueOrThrow } from "../exit.ts";
import {
  checkHarms,
  checkSender,
  printAdvice,
  provePossession,
  sendCall,
  sendForcedOnly,
  showProof,
} from "../gov/gov-call.ts";
import type { Output } from "../output.ts";
import { ask, connect } from "../rpc.ts";
import { type NameOptions, nameOptions, resolveKey } from "../tx/names.ts";
import { signingChain } from "../tx/signing-chain.ts";
import { keyPath, OPERATOR_KEY } from "./key-paths.ts";
import { deletableFrom, type RotationStep, rotationStep } from "./key-rotation.ts";
import { unlockKeys } from "./passwords.ts";

interface RotateOptions extends NameOptions {
  readonly rpc?: readonly string[];
  readonly from?: string;
  readonly fee?: bigint;
  readonly note?: string;
  readonly force?: boolean;
  readonly print?: boolean;
  readonly status?: boolean;
  readonly again?: boolean;
  readonly wait?: boolean;
}

/** Blocks may come with transactions only: so long for the end of the epoch. */
const WAIT_MS_MAX = 300_000;
const LOOK_MS = 250;
/** An old key is looked for in so many epochs. */
const EPOCHS_LOOKED_AT = 32;

const HELP = `
The node runs and stays on. Steps, each of which a later call goes on from:
  made      keys/validator-next.json is there, under the password of keys/validator.json if that has one
  proposed  the others vote: quorate gov vote NUMBER yes --from operator
  approved  from the next epoch on; the present key votes to the end of this one
  in-force  the new key has the seat: the node starts again with it by itself (its RPC is away for a moment)
  done      keys/validator.json is the new key; the old one is kept, and it is said from which height it may be deleted
Where another host has the operator's account: --print shows what is to be run there, and sends nothing.`;

export function addRotate(keys: Command): void {
  leaf<RotateOptions>(
    keys,
    "rotate",
    "give this validator's seat a new key by a vote, or say how far that is",
    (command) =>
      nameOptions(command)
        .addOption(
          new Option("--rpc <url>", "JSON-RPC of the node; default: rpc.host and rpc.port of its config.toml")
            .env("QUORATE_RPC_URL")
            .argParser((text: string, earlier: readonly string[] = []) => [
              ...earlier,
              ...list(text).map(rpcUrl),
            ]),
        )
        .option("--from <name>", "the account of the seat (default: keys/operator.json of the home)")
        .option("--fee <amount>", "default: the chain's least fee", amount)
        .option("--note <text>", "why, up to 128 bytes of UTF-8", memo)
        .option("--force", "propose it although the node warns of harm; the chain keeps that")
        .option("--print", "make the key and print the proposal for whoever has the account; send nothing")
        .option("--status", "say how far it is; make and send nothing")
        .option("--again", "begin another one although the old key of the last is kept")
        .option("--wait", "until the node votes with the new key, at most five minutes")
        .addHelpText("after", HELP),
    ({ out, options }) => rotate(out, options),
  );
}

async function rotate(out: Output, options: RotateOptions): Promise<void> {
  const home = openRotated(options);
  let standing = await look(home);
  if (options.status !== true && standing.step === "none" && (options.again === true || !hasOld(standing))) {
    await makeNext(home, options);
    standing = await look(home);
  }
  if (standing.step === "made" && options.status !== true) {
    const line = await propose(out, home, standing, options);
    if (line !== undefined) return printStanding(out, standing, [line]);
    standing = await look(home);
  }
  if (options.wait === true) standing = await untilDone(out, home, standing);
  printStanding(out, standing, []);
}

interface RotatedHome {
  readonly paths: HomePaths;
  readonly checkpointInterval: number;
  readonly client: Client;
}

/** @throws CliError where no key can be replaced, before anything is made */
function openRotated({ dir, rpc }: RotateOptions): RotatedHome {
  const paths = homePaths(dir);
  const { genesis } = valueOrThrow(loadGenesis(paths.genesis));
  const { consensus } = genesis;
  if (genesis.validators.length === 0 || !hasEpochs(consensus)) {
    const why =
      genesis.validators.length === 0
        ? "the blocks of this chain are mined, and nobody votes"
        : "the validators of this chain never change (its genesis has no consensus.epochLength), and a key is a validator";
    throw new CliError(EXIT.badInput, "FIXED_VALIDATORS", `${paths.genesis}: ${why}; no key can be replaced`);
  }
  const file = existsSync(paths.config) ? valueOrThrow(readTextFile(paths.config)) : undefined;
  const { config } = valueOrThrow(loadConfig({ file, environment: process.env }));
  if (config.signer !== undefined || config.token !== undefined) {
    const where = config.signer === undefined ? "in a token" : "at a signer";
    throw badInput(
      `${paths.config}: the key of this home is not in it but ${where}: make the new one there, and propose it with ` +
        'quorate gov prove and quorate gov propose replace (docs/signer.md, "Another key")',
    );
  }
  const host = config.rpc.host.includes(":") ? `[${config.rpc.host}]` : config.rpc.host;
  const url = `http://${host.replace(/^0\.0\.0\.0$|^\[::\]$/, "127.0.0.1")}:${config.rpc.port}`;
  const { checkpointInterval } = consensus;
  return { paths, checkpointInterval, client: connect({ rpc: rpc ?? [url] }) as Client };
}

interface Kept {
  readonly file: string;
  readonly publicKey: string;
  /** Null while it has the seat. */
  readonly mayBeDeletedFrom: number | null;
  readonly mayBeDeleted: boolean;
}

type Standing = RotationStep & {
  readonly name: string | null;
  readonly account: string | null;
  readonly own: string;
  readonly next: string | undefined;
  readonly nextFile: string;
  readonly height: number;
  readonly old: readonly Kept[];
};

async function look({ paths, checkpointInterval, client }: RotatedHome): Promise<Standing> {
  // In this order: where the node takes the key between the two, both are the new one.
  const waiting = valueOrThrow(nextPublicKey(paths));
  const own = hex0x(valueOrThrow(loadPublicKey(paths.validatorKey)).publicKey);
  const next = waiting && hex0x(waiting);
  const membership = await ask(client.call("gov_getMembership"));
  const proposals = await ask(client.call("gov_getProposals", {}));
  const { height } = await ask(client.call("chain_getHead"));
  const found = rotationStep({ own, next }, membership, proposals);
  const seat = [...membership.members, ...membership.nextMembers].find(
    ({ publicKey }) => publicKey === own || publicKey === next,
  );
  const from = Math.max(0, Number(membership.epoch) - EPOCHS_LOOKED_AT + 1);
  const kept = oldKeys(paths);
  const epochs = kept.length === 0 ? [] : await ask(client.call("chain_getEpochs", { from }));
  const old = kept.map(({ file, publicKey }) => {
    const key = hex0x(publicKey);
    const at = deletableFrom(key, epochs, checkpointInterval);
    const mayBeDeletedFrom = at === undefined ? null : Number(at);
    return { file, publicKey: key, mayBeDeletedFrom, mayBeDeleted: at !== undefined && at <= BigInt(height) };
  });
  return {
    ...found,
    ...{ own, next, old, nextFile: paths.nextValidatorKey, height: Number(height) },
    ...{ name: seat?.name ?? null, account: seat?.account ?? null },
  };
}

function hasOld({ old }: Standing): boolean {
  return old.length > 0;
}

/** Durable before anybody is asked to vote for it. Under the password of the key that it follows. */
async function makeNext({ paths }: RotatedHome, options: RotateOptions): Promise<void> {
  const { validatorKey, nextValidatorKey } = paths;
  const unlock = await unlockKeys([validatorKey], options);
  valueOrThrow(loadKey(validatorKey, unlock));
  const password = unlock(validatorKey);
  const key = keyOfSeed(new Uint8Array(randomBytes(32)));
  const text = password === undefined ? formatKey(key) : formatEncryptedKey(key, password);
  valueOrThrow(saveKeyText(nextValidatorKey, text));
}

/** @returns the proposal as a command, where it is not sent from here */
async function propose(
  out: Output,
  { paths, client }: RotatedHome,
  { own, name, account }: Standing,
  options: RotateOptions,
): Promise<string | undefined> {
  const key: Key = valueOrThrow(
    loadKey(paths.nextValidatorKey, await unlockKeys([paths.nextValidatorKey], options)),
  );
  const { chain, trusted, fee } = await signingChain(out, client, options);
  const { genesisHash } = trusted;
  const proof = await provePossession(client, createSigner(key.seed), {
    account: addressOf(account),
    genesisHash,
  });
  const from = options.from ?? (existsSync(keyPath(options.dir, OPERATOR_KEY)) ? OPERATOR_KEY : undefined);
  if (options.print === true || from === undefined) {
    if (from === undefined && options.print !== true)
      out.note(`no ${OPERATOR_KEY} key in ${options.dir}/keys, and no --from: nothing was sent`);
    return `quorate gov propose replace ${name} --key ${hex0x(key.publicKey)} --proof ${showProof(proof)} --from ${from ?? OPERATOR_KEY}`;
  }
  const call: GovCall = {
    kind: "propose",
    change: { kind: "replace", publicKey: addressOf(own), newKey: key.publicKey, proof },
    isForced: options.force === true,
    note: options.note === undefined ? EMPTY : new TextEncoder().encode(options.note),
  };
  const { key: operator, label } = await resolveKey(from, options);
  checkSender(await ask(client.call("gov_getMembership")), call, { label, address: operator.publicKey });
  const advice = await checkHarms(client, call);
  printAdvice(out, advice);
  const signing = { chain: { ...chain, genesisHash }, fee };
  const sender = { client, wallet: Wallet.fromSeed(operator.seed), signing };
  await sendForcedOnly(call, advice, (one) => sendCall(sender, one));
  return undefined;
}

function addressOf(text: string | null) {
  const bytes = text === null ? undefined : parseBytes32(text);
  if (bytes === undefined) throw new CliError(EXIT.broken, "BAD_ANSWER", `not a key: ${text}`);
  return asAddress(bytes);
}

/** Waits until keys/validator.json is the new key and the node has started with it. */
async function untilDone(out: Output, home: RotatedHome, begun: Standing): Promise<Standing> {
  const { next } = begun;
  if (next === undefined || begun.step === "made") return begun;
  for (const line of describe(begun)) out.note(line);
  const deadline = performance.now() + WAIT_MS_MAX;
  for (;;) {
    // The node is away for a moment while it changes.
    const standing = await look(home).catch(() => undefined);
    if (standing?.own === next && !(await isCandidate(home))) return standing;
    if (standing !== undefined && ["made", "leaving", "no-seat"].includes(standing.step)) return standing;
    if (performance.now() > deadline) {
      const where = standing === undefined ? "the node does not answer" : describe(standing)[0];
      throw new CliError(EXIT.timedOut, "NOT_DONE", `after ${WAIT_MS_MAX / 1_000} s: ${where}`);
    }
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}

/** A node that still runs with the old key has one that is in no set. */
async function isCandidate({ client }: RotatedHome): Promise<boolean> {
  const membership: ResultOf<"gov_getMembership"> | undefined = await client
    .call("gov_getMembership")
    .catch(() => undefined);
  return membership?.candidate ?? true;
}

function printStanding(out: Output, standing: Standing, commands: readonly string[]): void {
  const { step, name, own, next, nextFile, height, old, account: _, ...more } = standing;
  const isDone = step === "none" && old.length > 0;
  const result = {
    ...{ step: isDone ? "done" : step, name, publicKey: own, newKey: next ?? null },
    ...{ file: next === undefined ? null : nextFile, height, ...more, oldKeys: old, commands },
  };
  out.result(result, [
    ...describe(standing),
    ...commands.map((line) => `  ${line}`),
    ...old.flatMap(describeOld),
  ]);
}

function describe(standing: Standing): string[] {
  const { step, name, own, next } = standing;
  const head = [`${name ?? "no seat"}  ${own}`, ...(next === undefined ? [] : [`  new key  ${next}`])];
  return [...head, `  ${WORDS[step](standing as never)}`];
}

const WORDS: { readonly [K in RotationStep["step"]]: (found: Extract<Standing, { step: K }>) => string } = {
  "no-seat": () => "the key of this home has no seat: there is nothing to replace",
  leaving: () => "the seat is given up, or goes to a key that is not in this home, when this epoch ends",
  none: ({ old }) =>
    old.length === 0
      ? "no new key is under way"
      : "the key was replaced; delete the old one when it may be, or begin another one with --again",
  made: () => "the new key is in the home and not proposed:",
  proposed: ({ proposal, approve, needed, expires }) =>
    `proposal ${proposal}: ${approve} of ${needed} votes, expires at height ${expires}; the others: quorate gov vote ${proposal} yes --from operator`,
  approved: ({ lastHeight }) =>
    `approved: the new key has the seat above height ${lastHeight}; until then the node votes with the present one. Keep it running: it changes by itself`,
  "in-force": () => "the new key has the seat: the node takes it by itself, when it runs",
};

function describeOld({ file, publicKey, mayBeDeletedFrom, mayBeDeleted }: Kept): string[] {
  const when = mayBeDeleted
    ? `may be deleted: rm ${file}`
    : mayBeDeletedFrom === null
      ? "has a seat: keep it"
      : `keep it to height ${mayBeDeletedFrom}`;
  return [`  old key  ${publicKey}  ${file}`, `           ${when}`];
}
