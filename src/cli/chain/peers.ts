/**
 * `quorate peers`: who is connected; on a network that anyone may join also the addresses that the node knows
 * (--book), whom it keeps out (--bans), and the operator's word about that. It asks the node and prints.
 */
import { type Command, Option } from "commander";
import { ADDRESSES_LISTED_MAX, CLOCK_OFF_MS } from "../../base/limits.ts";
import type { Client, ResultOf } from "../../sdk/client.ts";
import { integer } from "../arguments.ts";
import { leaf } from "../command.ts";
import { badInput } from "../exit.ts";
import { type Output, showDuration } from "../output.ts";
import { ask, connect, type RpcOptions, rpcOption } from "../rpc.ts";
import { table } from "../table.ts";

interface PeersOptions extends RpcOptions {
  readonly book?: boolean;
  readonly bans?: boolean;
  readonly state?: "new" | "tried";
  readonly limit?: number;
  readonly offset?: number;
}

interface PageOptions {
  readonly state: PeersOptions["state"] | undefined;
  readonly limit: number;
  readonly offset: number | undefined;
}

type Book = ResultOf<"net_addressBook">;
type Ban = ResultOf<"net_ban">;

const LIMIT = 20;
const SUBJECT = "a peer id, an IP address or /ip4/…/tcp/…";

export function addPeers(program: Command): void {
  const withRpc = (command: Command) => command.addOption(rpcOption());
  const peers = leaf<PeersOptions>(
    program,
    "peers",
    "list the connected peers, the known addresses or the bans",
    declareList,
    async ({ out, options }) => {
      const { book, bans, state, limit = LIMIT, offset } = options;
      const client = connect(options);
      if (book !== true && (state ?? offset) !== undefined)
        throw badInput("--state and --offset: with --book");
      if (book) await listBook(out, client, { state, limit, offset });
      else if (bans) await listBans(out, client, limit);
      else if (options.limit !== undefined) throw badInput("--limit: with --book or --bans");
      else await listPeers(out, client);
    },
  );
  leaf<RpcOptions>(
    peers,
    "ban <subject>",
    `keep a peer or a host out for a day: ${SUBJECT}`,
    withRpc,
    async ({ out, options, args: [subject] }) => {
      const banned = await ask(connect(options).call("net_ban", { subject }));
      const { kind, bannedUntilMs } = banned;
      const until = new Date(bannedUntilMs ?? 0).toISOString();
      out.result(banned, `${out.tick} ${kind} ${banned.subject} is banned until ${until}`);
    },
  );
  leaf<RpcOptions>(
    peers,
    "unban <subject>",
    `forgive a peer or a host: ${SUBJECT}`,
    withRpc,
    async ({ out, options, args: [subject] }) => {
      const { lifted } = await ask(connect(options).call("net_unban", { subject }));
      const text = lifted ? `${out.tick} forgiven` : "there was nothing to forgive: see quorate peers --bans";
      out.result({ subject, lifted }, text);
    },
  );
  leaf<RpcOptions>(
    peers,
    "reload",
    "let the node read its peers.json again (as SIGHUP does)",
    withRpc,
    async ({ out, options }) => {
      const { peers: count, added, removed } = await ask(connect(options).call("net_reloadPeers"));
      const changes = [...added.map((name) => `+${name}`), ...removed.map((name) => `-${name}`)];
      const what = changes.length === 0 ? "nothing has changed" : changes.join(" ");
      out.result({ peers: count, added, removed }, `${out.tick} ${count} peers in peers.json: ${what}`);
    },
  );
}

function declareList(command: Command): Command {
  return command
    .addOption(rpcOption())
    .addOption(new Option("--book", "the addresses that the node knows").conflicts("bans"))
    .addOption(new Option("--bans", "whom the node keeps out, and whose faults it counts"))
    .addOption(new Option("--state <state>", "of --book: only these").choices(["new", "tried"]))
    .option("--limit <n>", `how many are shown at most (default: ${LIMIT})`, integer(1, ADDRESSES_LISTED_MAX))
    .option("--offset <n>", "of --book: leave out so many", integer(0, 1_000_000));
}

async function listPeers(out: Output, client: Client): Promise<void> {
  const peers = await ask(client.call("net_peers"));
  const rows = peers.map((peer) => [
    peer.name ?? "-",
    peer.role,
    peer.direction,
    peer.height === null ? "-" : `${peer.height}`,
    peer.clockOffsetMs === null ? "-" : showOffset(out, peer.clockOffsetMs),
    showStorage(peer.storage),
    peer.addr.replace(/\/p2p\/[^/]*$/, ""), // the next column has it
    peer.peerId,
  ]);
  const text =
    rows.length === 0
      ? "no peers"
      : table(["name", "role", "direction", "height", "clock", "storage", "address", "peer id"], rows);
  out.result({ peers }, text);
}

/** What of the chain a peer said it stores, or "-" for one of the release before. */
function showStorage(storage: ResultOf<"net_peers">[number]["storage"]): string {
  if (storage === null) return "-";
  return Number(storage.lowestBody) > 1 ? `${storage.mode} from ${storage.lowestBody}` : storage.mode;
}

/** Shows an offset such as +3 ms, in red where blocks may be refused for it. */
function showOffset(out: Output, offsetMs: number): string {
  const text = `${offsetMs < 0 ? "-" : "+"}${showDuration(Math.abs(offsetMs))}`;
  return Math.abs(offsetMs) > CLOCK_OFF_MS ? out.style("red", text) : text;
}

async function listBook(
  out: Output,
  client: Client,
  { state, limit, offset = 0 }: PageOptions,
): Promise<void> {
  const page = { limit, offset, ...(state === undefined ? {} : { state }) };
  const book = await ask(client.call("net_addressBook", page));
  out.result(book, describeBook(book));
}

/** Describes the address book in lines for people. */
function describeBook(book: Book): readonly string[] {
  const { tried, decent, groups, addresses, nextOffset } = book;
  const largest = book.largestGroups.slice(0, 5).map((group) => `${group.group} (${group.addresses})`);
  const head = [
    `addresses  ${tried} tried, ${book.new} new; ${decent} of them are told to peers`,
    `groups     ${groups}${largest.length === 0 ? "" : `, the largest: ${largest.join(", ")}`}`,
  ];
  if (addresses.length === 0) return head;
  const rows = addresses.map((address) => [
    address.state,
    address.score.toFixed(2),
    `${address.failedDials}`,
    showTime(address.lastSeenMs),
    showTime(address.lastSuccessMs),
    address.addr,
    address.peerId,
  ]);
  const more = nextOffset === null ? [] : [`  more: --offset ${nextOffset}`];
  const columns = ["state", "score", "failed", "last seen", "last answer", "address", "peer id"];
  return [...head, ...table(columns, rows), ...more];
}

async function listBans(out: Output, client: Client, limit: number): Promise<void> {
  const bans = await ask(client.call("net_getBans", { limit }));
  const rows = bans.map((ban) => [
    ban.kind,
    ban.bannedUntilMs === null ? out.style("dim", "faults only") : out.style("red", "banned"),
    showTime(ban.bannedUntilMs),
    `${ban.score}`,
    ban.subject,
  ]);
  const text =
    rows.length === 0 ? "nobody is banned" : table(["kind", "state", "until", "score", "who"], rows);
  out.result({ bans }, text);
}

function showTime(ms: Ban["bannedUntilMs"]): string {
  return ms === null ? "-" : new Date(ms).toISOString().slice(0, 19).replace("T", " ");
}
