/**
 * `quorate tx call`: a call of a module, its arguments by name. The types of declared modules are asked from the node, those of
 * modules that every chain has are known here.
 */
import type { Command } from "commander";
import { hex0x, showHash } from "../../base/bytes.ts";
import { anchor, bank, gov } from "../../chain/modules/built-in-modules.ts";
import type { CallFields, DeclaredCode } from "../../chain/modules/define-module.ts";
import { type FieldForms, fixedFormOf, type ModuleForm } from "../../chain/modules/module-form.ts";
import type { FieldsOf } from "../../chain/modules/value-types.ts";
import type { Client } from "../../sdk/client.ts";
import { Wallet } from "../../sdk/wallet.ts";
import { amount, collect } from "../arguments.ts";
import { leaf } from "../command.ts";
import { badInput } from "../exit.ts";
import type { Output } from "../output.ts";
import { ask, connect, type RpcOptions } from "../rpc.ts";
import { type NameOptions, nameOptions, resolveAddress, resolveKey } from "./names.ts";
import { signingChain } from "./signing-chain.ts";
import { signOrRefuse } from "./tx-order.ts";

export interface CallOptions extends NameOptions, RpcOptions {
  readonly from: string;
  readonly arg?: readonly string[];
  readonly fee?: bigint;
}

export interface SignedCall {
  /** The envelope, hex. */
  readonly bytes: string;
  /** The genesis hash, as people see it, of the chain that it was signed for. */
  readonly genesisHash: string;
}

export function addTxCall<O extends CallOptions>(
  tx: Command,
  sending: (command: Command) => Command,
  send: (out: Output, signed: SignedCall, options: O) => Promise<void>,
): void {
  leaf<O>(
    tx,
    "call <module.call> [arguments...]",
    "call a module of the chain, its arguments as options: --asset 0x... --to bob",
    (command) =>
      sending(nameOptions(command))
        .allowUnknownOption()
        .requiredOption("--from <name>", "who calls: a name, a key file or a 0x seed")
        .option("--arg <name=value>", "an argument that has the name of an option; again for each", collect)
        .option("--fee <amount>", "fee for the proposer (default: the chain's least fee)", amount)
        .addHelpText("after", HELP),
    async ({ out, options, args: [called, words] }) =>
      send(
        out,
        await signCall(out, called, { ...options, arg: [...(options.arg ?? []), ...named(words)] }),
        options,
      ),
  );
}

const HELP = `
An argument is an option with the name of the field: --label "a house", or --label=...; lists and objects are JSON, addresses
may be names. quorate rpc state_getModules shows the calls of a chain; bank.transfer, anchor.anchor and gov.vote are there on every
chain, and their memo and forced may be left out. Where a field is called as an option of this command
is (from, fee, ...), write --arg from=VALUE.`;

/** Words that commander left: --name value, or --name=value. @returns them as name=value */
function named(words: readonly string[]): string[] {
  const args: string[] = [];
  for (let i = 0; i < words.length; i++) {
    const word = words[i] ?? "";
    if (!word.startsWith("--")) throw badInput(`"${word}": an argument of a call is --NAME VALUE`);
    if (word.includes("=")) args.push(word.slice(2));
    else {
      i++;
      if (words[i] === undefined) throw badInput(`${word}: a value is missing behind it`);
      args.push(`${word.slice(2)}=${words[i]}`);
    }
  }
  return args;
}

async function signCall(out: Output, called: string, options: CallOptions): Promise<SignedCall> {
  const [name = "", call = ""] = called.split(".");
  const client = connect(options);
  const builtIn = BUILT_IN.find((one) => one.declaration.name === name);
  const form = builtIn === undefined ? await formAtNode(client, name, called) : fixedFormOf(builtIn);
  const fields = form.calls.find((one) => one.name === call)?.fields;
  if (fields === undefined) {
    throw badInput(
      `${called}: no such call; there are ${form.calls.map((one) => `${name}.${one.name}`).join(", ")}`,
    );
  }
  const args = await argumentsOf(called, fields, options);
  const { key } = await resolveKey(options.from, options);
  const wallet = Wallet.fromSeed(key.seed);
  const { chain, fee } = await signingChain(out, client, options);
  const nonce = await ask(client.nextNonce(wallet.address));
  const order = { chain, nonce, fee, maxFee: fee };
  const whole = { ...leftOut(fields), ...args } as FieldsOf<CallFields>;
  const { bytes } = signOrRefuse(() =>
    builtIn === undefined
      ? wallet.callByForm(form, call, args, order)
      : wallet.call({ module: builtIn, call, fields }, whole, order),
  );
  return { bytes: hex0x(bytes), genesisHash: showHash(chain.genesisHash) };
}

const BUILT_IN: readonly DeclaredCode[] = [bank, anchor, gov];

async function formAtNode(client: Client, name: string, called: string): Promise<ModuleForm> {
  const found = (await ask(client.call("state_getModules"))).find((one) => one.name === name);
  if (found === undefined)
    throw badInput(`${called}: this chain has no module "${name}" (quorate rpc state_getModules)`);
  return found.form as ModuleForm;
}

/** What need not be said of a call that every chain has: there is no memo, and nobody warned of harm. */
function leftOut(fields: FieldForms): Readonly<Record<string, unknown>> {
  return { ...("memo" in fields ? { memo: "" } : {}), ...("forced" in fields ? { forced: false } : {}) };
}

async function argumentsOf(
  called: string,
  fields: FieldForms,
  options: CallOptions,
): Promise<Readonly<Record<string, unknown>>> {
  const args: Record<string, unknown> = {};
  for (const text of options.arg ?? []) {
    const [name = "", ...rest] = text.split("=");
    const field = fields[name] === undefined ? camelCase(name) : name;
    const said = rest.join("=");
    if (fields[field] === undefined)
      throw badInput(
        `--${name}: ${called} has no such argument; it takes ${Object.keys(fields).join(", ") || "none"}`,
      );
    if (args[field] !== undefined) throw badInput(`--${name}: given twice`);
    args[field] = await argumentOf(said, fields[field]?.kind, options);
  }
  return args;
}

/** A name of options as code has it: payload-digest is payloadDigest. */
function camelCase(name: string): string {
  return name.replace(/-([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}

/** A name for an address, JSON for what has parts, else the text as it is. */
async function argumentOf(said: string, kind: string | undefined, options: NameOptions): Promise<unknown> {
  if (kind === "address") return hex0x((await resolveAddress(said, options)).address);
  if (kind !== "list" && kind !== "struct" && kind !== "option") return said;
  try {
    return JSON.parse(said);
  } catch {
    return said;
  }
}
