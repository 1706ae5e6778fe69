/**
 * `quorate tx sign` and `tx decode`: transactions without a node, on a machine that may have no network. What a node
 * would be asked (chain, nonce, least fee) comes from genesis.json and the command line.
 */
import type { Command } from "commander";
import { hex0x, parseHex } from "../../base/bytes.ts";
import { TX_BYTES_CEILING } from "../../base/limits.ts";
import { decodeTransaction, transactionSigningBytes, unsignedPart } from "../../chain/types/transaction.ts";
import { verifySignature } from "../../crypto/keys.ts";
import { loadGenesis } from "../../node/home/home.ts";
import { showTransaction } from "../../rpc/schemas/show.ts";
import { Wallet } from "../../sdk/client.ts";
import { openGenesis, type TrustedGenesis } from "../../sdk/trusted-genesis.ts";
import { NEVER_REACHED_HEIGHT } from "../../sdk/wallet.ts";
import { integer } from "../arguments.ts";
import { leaf } from "../command.ts";
import { badInput, EXIT, Finished, valueOrThrow } from "../exit.ts";
import type { Output } from "../output.ts";
import { readStdin } from "../stdin.ts";
import { nameOptions, resolveAddress, resolveKey } from "./names.ts";
import { checkUnsaidFee, showPayment } from "./signing-chain.ts";
import { orderOf, signOrRefuse, type TransferOptions, withOrder } from "./tx-order.ts";

interface SignOptions extends TransferOptions {
  readonly genesis: string;
  readonly nonce: number;
}

interface DecodeOptions {
  readonly genesis?: string;
}

export function addOfflineTx(tx: Command): void {
  leaf<SignOptions>(
    tx,
    "sign",
    "sign a transfer without a node; send it with: tx send",
    (command) =>
      withOrder(nameOptions(command))
        .requiredOption("--genesis <file>", "genesis.json of the chain")
        .requiredOption("--nonce <n>", "nonce of the paying account", integer(0, Number.MAX_SAFE_INTEGER)),
    ({ out, options }) => sign(out, options),
  );
  leaf<DecodeOptions>(
    tx,
    "decode <hex>",
    'show what signed bytes say ("-" reads them from stdin)',
    (command) => command.option("--genesis <file>", "genesis.json of the chain: checks the signature too"),
    ({ out, options, args: [hex] }) => decode(out, options, hex),
  );
}

async function sign(out: Output, options: SignOptions): Promise<void> {
  const { genesis, genesisHash } = openFile(options.genesis);
  const { key } = await resolveKey(options.from, options);
  const { address } = await resolveAddress(options.to, options);
  const { fee = genesis.limits.minFee, nonce } = options;
  const chain = { chainId: genesis.chainId, genesisHash };
  checkUnsaidFee(fee, { said: options.fee, amount: options.amount });
  showPayment(out, { amount: options.amount, fee, to: address, chainId: chain.chainId });
  const order = orderOf(options, { chain, nonce, fee, maxFee: fee, to: address });
  const signed = signOrRefuse(() => Wallet.fromSeed(key.seed).transfer(order));
  const tx = hex0x(signed.bytes);
  out.result({ txHash: hex0x(signed.id), tx, nonce }, tx);
}

/** Exit code 1 when the signature is checked and wrong. */
function decode(out: Output, { genesis }: DecodeOptions, hex: string): void {
  const bytes = parseHex(hex === "-" ? readStdin() : hex);
  if (bytes === undefined) throw badInput("expected the signed bytes as 0x-hex");
  const tx = valueOrThrow(decodeTransaction(bytes, TX_BYTES_CEILING));
  const shown = showTransaction(tx);
  const valid = genesis === undefined ? undefined : isSigned(openFile(genesis), tx);
  const lines = [
    `tx         ${shown.txHash}`,
    `chain      ${shown.chainId}`,
    `from       ${shown.from}   nonce ${shown.nonce}   fee ${shown.fee}`,
    `expires    ${describeExpiry(tx)}`,
    `call       ${shown.module} ${shown.call === null ? shown.payload : JSON.stringify(shown.call)}`,
    `signature  ${valid === undefined ? "not checked (--genesis FILE does)" : valid ? "valid" : "NOT VALID on this chain"}`,
  ];
  out.result({ ...shown, ...(valid === undefined ? {} : { signatureValid: valid }) }, lines);
  if (valid === false) throw new Finished(EXIT.failedCheck);
}

function describeExpiry({ validUntilHeight }: Decoded): string {
  const isNever = validUntilHeight === 0n || validUntilHeight >= NEVER_REACHED_HEIGHT;
  return isNever ? "never" : `after height ${validUntilHeight}`;
}

type Decoded = Extract<ReturnType<typeof decodeTransaction>, { ok: true }>["value"];

function isSigned({ genesis, genesisHash }: TrustedGenesis, tx: Decoded): boolean {
  const message = transactionSigningBytes(genesisHash, unsignedPart(tx));
  return tx.chainId === genesis.chainId && verifySignature(tx.from, message, tx.signature);
}

function openFile(path: string): TrustedGenesis {
  return valueOrThrow(openGenesis(valueOrThrow(loadGenesis(path)).genesisJson));
}
