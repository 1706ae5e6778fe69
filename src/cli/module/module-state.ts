/**
 * `quorate module state`: the entries of a declared module's map, a page at a time, or one entry, as the node
 * decodes it.
 */
import type { Command } from "commander";
import type { ResultOf } from "../../sdk/client.ts";
import { integer } from "../arguments.ts";
import { leaf } from "../command.ts";
import { badInput } from "../exit.ts";
import type { Output } from "../output.ts";
import { ask, connect, type RpcOptions, rpcOption } from "../rpc.ts";

interface StateOptions extends RpcOptions {
  readonly prefix?: string;
  readonly limit: number;
  readonly cursor?: string;
  readonly all?: boolean;
}

const HELP = `
KEY is the key of an entry, or the first fields of keys that have several: quorate module state registry history 0x... shows
all entries of that asset. --prefix gives the first bytes of what the words do not say, as 0x-hex of the encoded key.`;

export function addModuleState(module: Command): void {
  leaf<StateOptions>(
    module,
    "state <name> <map> [key...]",
    "list the entries of a module's map, decoded",
    (command) =>
      command
        .addOption(rpcOption())
        .option("--prefix <hex>", "only keys whose encoding begins with these bytes")
        .option("--limit <n>", "entries of a page", integer(1, 1_000), 20)
        .option("--cursor <hex>", "go on behind the page that ended with this cursor")
        .option("--all", "page after page to the end")
        .addHelpText("after", HELP),
    ({ out, options, args: [name, map, key] }) =>
      list(out, options, [name as string, map as string, ...((key as string[] | undefined) ?? [])].join("/")),
  );
}

async function list(out: Output, options: StateOptions, path: string): Promise<void> {
  const { prefix, limit, all = false } = options;
  if (prefix !== undefined && !/^0x([0-9a-fA-F]{2})*$/.test(prefix))
    throw badInput(`--prefix: expected 0x and an even number of hex digits, found "${prefix}"`);
  const client = connect(options);
  let { cursor } = options;
  let count = 0;
  do {
    const order = {
      path,
      limit,
      ...(prefix === undefined ? {} : { prefix }),
      ...(cursor === undefined ? {} : { cursor }),
    };
    const page = await ask(client.call("state_query", order));
    const entries = page.entries ?? [];
    count += entries.length;
    cursor = page.cursor ?? undefined;
    show(out, page, { isFirst: count === entries.length, isMore: !all && cursor !== undefined });
  } while (all && cursor !== undefined);
}

function show(
  out: Output,
  { entries = [], cursor, height, blockHash }: ResultOf<"state_query">,
  { isFirst, isMore }: { readonly isFirst: boolean; readonly isMore: boolean },
): void {
  out.line({ entries, cursor, height, blockHash }, [
    ...entries.map(({ path, value }) => `${path}  ${JSON.stringify(value)}`),
    ...(entries.length === 0 && isFirst ? ["no entries"] : []),
    ...(isMore ? [`more: --cursor ${cursor}`] : []),
  ]);
}
