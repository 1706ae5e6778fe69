/** What a transfer says, whoever signs it: its options on the command line, and the order that follows from them. */
import type { Command } from "commander";
import type { TransferOrder } from "../../sdk/client.ts";
import { amount, integer, memo } from "../arguments.ts";
import { badInput } from "../exit.ts";
import type { NameOptions } from "./names.ts";

export interface TransferOptions extends NameOptions {
  readonly from: string;
  readonly to: string;
  readonly amount: bigint;
  readonly fee?: bigint;
  readonly memo?: string;
  readonly nonce?: number;
  readonly expires?: number;
}

/** What a transfer says. */
export function withOrder(command: Command): Command {
  return command
    .requiredOption("--from <name>", "who pays: a name, a key file or a 0x seed")
    .requiredOption("--to <name>", "who receives: a name, a key file or a 0x address")
    .requiredOption("--amount <amount>", "how much is paid, a whole number", amount)
    .option("--fee <amount>", "fee for the proposer (default: the chain's least fee)", amount)
    .option("--memo <text>", "up to 128 bytes of UTF-8", memo)
    .option("--expires <height>", "the last height to include it at", integer(1, Number.MAX_SAFE_INTEGER));
}

export function orderOf(
  { amount, memo: said, expires }: TransferOptions,
  rest: Omit<TransferOrder, "amount" | "memo" | "validUntilHeight">,
): TransferOrder {
  return {
    ...rest,
    amount,
    ...(said === undefined ? {} : { memo: said }),
    ...(expires === undefined ? {} : { validUntilHeight: BigInt(expires) }),
  };
}

/** The wallet throws RangeError for what no transaction can carry. */
export function signOrRefuse<T>(sign: () => T): T {
  try {
    return sign();
  } catch (error) {
    if (error instanceof RangeError) throw badInput(error.message);
    throw error;
  }
}
