/** `quorate tx call`: a call of a declared module, its arguments by name; their types are asked from the node. */
import type { Command } from "commander";
import { hex0x } from "../../base/bytes.ts";
import type { ModuleForm } from "../../chain/modules/module-form.ts";
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

export function addTxCall<O extends CallOptions>(
  tx: Command,
  sending: (command: Command) => Command,
  send: (out: Output, bytes: string, options: O) => Promise<void>,
): void {
  leaf<O>(
    tx,
    "call <module.call>",
    "call a module of the chain",
    (command) =>
      sending(nameOptions(command))
        .requiredOption("--from <name>", "who calls: a name, a key file or a 0x seed")
        .option("--arg <name=value>", "an argument; lists and objects as JSON; again for each", collect)
        .option("--fee <amount>", "for the proposer (default: the chain's least fee)", amount),
    async ({ out, options, args: [called] }) => send(out, await signCall(out, called, options), options),
  );
}

async function signCall(out: Output, called: string, options: CallOptions): Promise<string> {
  const [name = "", call = ""] = called.split(".");
  const client = connect(options);
  const found = (await ask(client.call("state_getModules"))).find((one) => one.name === name);
  if (found === undefined)
    throw badInput(`${called}: this chain has no module "${name}" (quorate rpc state_getModules)`);
  const form = found.form as ModuleForm;
  const fields = form.calls.find((one) => one.name === call)?.fields;
  if (fields === undefined) {
    throw badInput(
      `${called}: no such call; there are ${form.calls.map((one) => `${name}.${one.name}`).join(", ")}`,
    );
  }
  const args: Record<string, unknown> = {};
  for (const text of options.arg ?? []) {
    const [field = "", ...rest] = text.split("=");
    const said = rest.join("=");
    args[field] = await argumentOf(said, fields[field]?.kind, options);
  }
  const { key } = await resolveKey(options.from, options);
  const wallet = Wallet.fromSeed(key.seed);
  const { chain, fee } = await signingChain(out, client, options);
  const nonce = await ask(client.nextNonce(wallet.address));
  const order = { chain, nonce, fee, maxFee: fee };
  return hex0x(signOrRefuse(() => wallet.callByForm(form, call, args, order)).bytes);
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
