/**
 * `quorate anchor`: notarises files. `add` (anchor-add.ts) anchors their digests and writes receipts, `verify`
 * (anchor-verify.ts) needs the receipts, the documents and genesis.json, and no node.
 */
import { type Command, InvalidArgumentError } from "commander";
import { amount, memo } from "../arguments.ts";
import { group, leaf } from "../command.ts";
import { rpcOption } from "../rpc.ts";
import { type AddOptions, addFiles } from "./anchor-add.ts";
import { type VerifyOptions, verifyFiles } from "./anchor-verify.ts";
import { nameOptions } from "./names.ts";
import { acceptOption } from "./trust.ts";

export function addAnchor(program: Command): void {
  const anchor = group(program, "anchor", "notarise files, and verify their receipts offline");
  leaf<AddOptions>(
    anchor,
    "add <files...>",
    "anchor the digests of files, wait until they are final, write a receipt for each",
    (command) =>
      nameOptions(command)
        .requiredOption("--out <dir>", "folder for the receipts")
        .option("--from <name>", "who anchors and pays: a name, a key file or a 0x seed", "alice")
        .option("--memo <text>", "up to 128 bytes of UTF-8, the same for all", memo)
        .option("--fee <amount>", "fee of each anchor (default: the chain's least fee)", amount)
        .option("--genesis <file>", "sign for the chain of this genesis.json, from a source you trust")
        .option("--skip-epochs", "small receipts, which only a verifier takes that allows --skip-epochs")
        .addOption(acceptOption())
        .addOption(rpcOption()),
    ({ out, options, args: [files] }) => addFiles(out, options, files),
  );
  leaf<VerifyOptions>(
    anchor,
    "verify <files...>",
    "verify files by their receipts and genesis.json, without a node",
    (command) =>
      command
        .requiredOption("--receipts <dir>", "folder of the receipts")
        .requiredOption("--genesis <file>", "genesis.json of the chain, from a source you trust")
        .option(
          "--trusted-block <hash>",
          "of a mined chain: a block at or above the receipts', from a source you trust",
        )
        .option(
          "--min-work <hex>",
          "of a mined chain: expected hashes from the block on that are proof enough, 0x-hex",
          workAmount,
        )
        .option(
          "--skip-epochs",
          "take receipts that leave epochs out; a break of trust between them would not be seen",
        )
        .addOption(acceptOption()),
    ({ out, options, args: [files] }) => verifyFiles(out, options, files),
  );
}

function workAmount(text: string): bigint {
  if (/^0x[0-9a-f]{1,64}$/i.test(text)) return BigInt(text);
  throw new InvalidArgumentError('expected work as 0x and up to 64 hex digits, such as "0x1f4000".');
}
