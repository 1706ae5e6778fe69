/** `quorate gov prove`: whoever holds a new consensus key, in a file or in a token, says so in one line for whoever proposes it. */
import type { Command } from "commander";
import { must } from "../../base/assert.ts";
import { asAddress, hex0x, parseBytes32 } from "../../base/bytes.ts";
import { createSigner } from "../../crypto/keys.ts";
import { address } from "../arguments.ts";
import { leaf } from "../command.ts";
import { badInput } from "../exit.ts";
import { openTokenKey, type TokenOptions, tokenOptions, tokenSettings } from "../home/token-options.ts";
import type { Output } from "../output.ts";
import { connect, type RpcOptions, rpcOption } from "../rpc.ts";
import { type NameOptions, nameOptions, resolveKey } from "../tx/names.ts";
import { signingChain } from "../tx/signing-chain.ts";
import { provePossession, showProof } from "./gov-call.ts";

interface ProveOptions extends NameOptions, RpcOptions, TokenOptions {
  readonly account: string;
  readonly genesis?: string;
}

export function addProve(gov: Command): void {
  leaf<ProveOptions>(
    gov,
    "prove [key-file]",
    "prove that a new consensus key, in a file or in a token, is held: give the line to whoever proposes it",
    (command) =>
      tokenOptions(nameOptions(command))
        .requiredOption(
          "--account <address>",
          "account of the seat: the newcomer's, or that of the seat it takes",
          address,
        )
        .option("--genesis <file>", "genesis.json of the chain, from a source you trust")
        .addOption(rpcOption()),
    ({ out, options, args: [file] }) => prove(out, options, file),
  );
}

async function prove(out: Output, options: ProveOptions, file: string | undefined): Promise<void> {
  const client = connect(options);
  const { trusted } = await signingChain(out, client, options);
  const { genesisHash } = trusted;
  const seat = {
    account: asAddress(must(parseBytes32(options.account), "checked by its option")),
    genesisHash,
  };
  const settings = tokenSettings(options);
  if ((settings === undefined) === (file === undefined))
    throw badInput("say which key: a key file, or one in a token by --pkcs11-module");
  const token = settings && (await openTokenKey(settings, undefined, options));
  const key = token ?? createSigner((await resolveKey(file ?? "", options)).key.seed);
  const proof = await provePossession(client, key, seat).finally(() => token?.close());
  const publicKey = hex0x(key.publicKey);
  const line = showProof(proof);
  out.result({ publicKey, account: options.account, proof: line }, [
    `key    ${publicKey}`,
    `proof  ${line}`,
    "The proof holds for two checkpoints: propose the key soon.",
  ]);
}
