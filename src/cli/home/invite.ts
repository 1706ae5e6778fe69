/**
 * `quorate invite`: asks a running node for a text by which one new node finds this chain and may connect
 * (docs/protocol.md, "Invitation"). The newcomer gives it to `quorate join`.
 */
import { type Command, Option } from "commander";
import { INVITATION_HOURS_MAX } from "../../rpc/joining.ts";
import { collect, integer } from "../arguments.ts";
import { leaf } from "../command.ts";
import { ask, connect, type RpcOptions, rpcOption } from "../rpc.ts";

interface InviteOptions extends RpcOptions {
  readonly url?: readonly string[];
  readonly address?: readonly string[];
  readonly hours: number;
}

const HELP = `
The text is for one node and for a while. Give it over a way that you trust: whoever uses it first may connect to this
node and follow the chain. It gives no vote; for that the validators vote (quorate gov propose add).

Exit codes: 0 printed, 2 wrong input, 3 refused by the node, 4 no node answered`;

export function addInvite(program: Command): void {
  leaf<InviteOptions>(
    program,
    "invite",
    "print a text by which a new node joins this chain (quorate join)",
    (command) =>
      command
        .addOption(rpcOption())
        .addOption(
          new Option(
            "--url <url>",
            "where the newcomer reaches the node's JSON-RPC (default: that of --rpc); repeatable",
          ).argParser(collect),
        )
        .addOption(
          new Option(
            "--address <multiaddr>",
            "where it connects, /ip4/10.0.0.1/tcp/30300 (default: where the node listens); repeatable",
          ).argParser(collect),
        )
        .option("--hours <n>", "how long it holds", integer(1, INVITATION_HOURS_MAX), 24)
        .addHelpText("after", HELP),
    async ({ out, options }) => {
      const { url = options.rpc.slice(0, 1), address = [], hours } = options;
      const made = await ask(
        connect(options).call("net_invite", { urls: [...url], addresses: [...address], hours }),
      );
      out.result({ invitation: made.text, expiresAt: new Date(made.expiresAtMs).toISOString() }, made.text);
      out.note(
        `  for one node, until ${new Date(made.expiresAtMs).toISOString()}: quorate join TEXT --dir HOME`,
      );
      if (url.every(isLoopback)) {
        out.note("  its JSON-RPC address is of this machine alone: for another one say --url and --address");
      }
    },
  );
}

function isLoopback(url: string): boolean {
  return /^https?:\/\/(127\.|localhost|\[::1\])/.test(url);
}
