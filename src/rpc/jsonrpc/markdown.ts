/**
 * docs/rpc.md from the table of methods: what people read is what the server checks. The prose around it stands
 * here, so that the file has one source; a test compares the committed file with what this gives.
 */
import {
  RPC_ANSWERS_BYTES_MAX,
  RPC_BATCH_CALLS_MAX,
  RPC_BODY_BYTES_MAX,
  RPC_SUBSCRIPTIONS_MAX,
  RPC_WAIT_MS_MAX,
  RPC_WAITS_MAX,
} from "../../base/limits.ts";
import { RPC_QUEUED_CALLS_MAX, RPC_QUEUED_MS_MAX } from "../budgets/call-queue.ts";
import { ERROR_NUMBERS } from "../errors.ts";
import type { Method, MethodTable } from "./method.ts";
import { parametersOf, schemaOf } from "./openrpc.ts";
import { showType } from "./schema-text.ts";

export function renderMethods(methods: MethodTable): string {
  const all = [...methods.values()];
  const list = all.map(({ name, summary }) => `* [\`${name}\`](#${anchorOf(name)}) ${inText(summary)}`);
  return [
    INTRODUCTION,
    "## Methods\n",
    `${list.join("\n")}\n`,
    ...all.map(renderMethod),
    "## Errors\n",
    ERRORS,
    renderErrors(),
    METRICS,
  ].join("\n");
}

function renderMethod(method: Method): string {
  const notes = [NOTES[method.kind], ...(method.transport === "websocket" ? ["WebSocket only"] : [])].join(
    ", ",
  );
  return [
    `### ${method.name}\n`,
    `${inText(method.summary)} (${notes})\n`,
    renderParameters(method),
    "Result:\n",
    `\`\`\`ts\n${showType(schemaOf(method.result, "output"))}\n\`\`\`\n`,
    ...method.examples.slice(0, 1).map(renderExample(method)),
  ].join("\n");
}

const NOTES: Readonly<Record<Method["kind"], string>> = {
  read: "read",
  write: "write",
  admin: "admin: only for callers on the node's own machine",
};

function renderParameters(method: Method): string {
  const parameters = parametersOf(method);
  if (parameters.length === 0) return "No params.\n";
  const rows = parameters.map(({ name, required, schema }) => {
    const { default: otherwise, description = "", ...type } = schema;
    const need = required
      ? "required"
      : otherwise === undefined
        ? "optional"
        : `\`${JSON.stringify(otherwise)}\``;
    return `| \`${name}\` | \`${inCell(showType(type))}\` | ${need} | ${description} |`;
  });
  return ["| param | type | default | |", "|---|---|---|---|", ...rows, ""].join("\n");
}

function renderExample({ name: method }: Method) {
  return ({ name, params, result }: Method["examples"][number]): string => {
    const lines = [
      { jsonrpc: "2.0", id: 1, method, params },
      { jsonrpc: "2.0", result, id: 1 },
    ].map((message) => JSON.stringify(message).replace(LONG_HEX, "$1…"));
    return `Example (${name}; long hex is cut):\n\n\`\`\`json\n${lines.join("\n")}\n\`\`\`\n`;
  };
}

function renderErrors(): string {
  const codes = Object.entries(ERROR_NUMBERS).map(([name, number]) => ({ name, number }));
  const numbers = [...new Set(codes.map(({ number }) => number))].sort((a, b) => b - a);
  const rows = numbers.map((number) => {
    const names = codes.filter((code) => code.number === number).map(({ name }) => `\`${name}\``);
    return `| ${number} | ${names.join(", ")} |`;
  });
  return ["| code | data.code |", "|---|---|", ...rows, ""].join("\n");
}

function anchorOf(name: string): string {
  return name.toLowerCase().replaceAll(".", "");
}

const LONG_HEX = /(0x[0-9a-f]{8})[0-9a-f]{24,}/g;

/** Angle brackets are text here, not HTML. */
function inText(text: string): string {
  return text.replaceAll("<", "\\<");
}

/** A text as it must stand in a table. */
function inCell(text: string): string {
  return text.replaceAll("|", "\\|").replaceAll("\n", " ");
}

const INTRODUCTION = `# JSON-RPC

Generated from the table of methods (src/rpc/methods); do not edit. \`UPDATE=1 npx vitest run test/rpc/docs.test.ts\`
writes it anew. The same table is the server's validation, the types of \`quorate/client\`, \`quorate rpc\` and
\`rpc.discover\`.

## Transport

One port for everything:

* \`POST /\` JSON-RPC 2.0, \`content-type: application/json\`. Params by name or by position (the order below). A
  notification is answered with 204. A batch has at most ${RPC_BATCH_CALLS_MAX} calls, a body at most ${RPC_BODY_BYTES_MAX / 1024 / 1024} MiB (else 413). All
  errors of JSON-RPC come with HTTP 200.
* \`GET /ws\` a WebSocket for the same methods and subscriptions.
* \`GET /<method>?param=value\` for reads, so that a browser can show them: \`/chain_getHeader?block=5\`. What a page of
  another site caused (\`Sec-Fetch-Site\`) is refused; reads of whole blocks need \`content-type: application/json\`
  where no browser says that the address was typed.
* \`GET /health\` (200 while the database answers and the chain can be written), \`GET /ready\` (200 or 503 with the standing; \`?minPeers=3\` and
  \`?maxBlocksBehind=2\` set what is asked), \`GET /version\`, \`GET /metrics\` (Prometheus).
  Behind is counted from \`verifiedHeight\`: of a mined chain the heaviest header that this node checked, elsewhere what
  f+1 connected validators tell. \`bestPeerHeight\` is what a peer claims; nothing follows from it. Not ready is also who
  has no peer but should, who recovers or has stopped voting, and whose work waits for 30 s without a block; \`state\` and
  \`reason\` are those of \`consensus_explain\`.

The server binds to 127.0.0.1 unless told otherwise. A request must name an IP address, localhost or a configured
host in its \`Host\` header, and a web page of another origin is refused unless configured in
\`rpc.cors_origins\` (DNS rebinding, CSRF). Where the genesis has the profile "dev", pages of localhost, 127.0.0.1 and [::1] on any
port are let in as well, for all but admin methods.

Calls run one at a time and take turns with consensus, the clients (addresses) one after the other. Who asks for more
computing than the node gives away waits, and is told \`RATE_LIMIT\` with \`retryAfterMs\` when that would take more than
${RPC_QUEUED_MS_MAX / 1000} s, or at once where ${RPC_QUEUED_CALLS_MAX} of its calls wait. Whoever brings the node's token pays from a budget of its own, so that an operator
is answered also where others ask too much. The answers of a batch end after ${RPC_ANSWERS_BYTES_MAX / 1024 / 1024} MiB: \`ANSWER_TOO_LARGE\` says in \`next\` at which call to go on.

One connection has at most ${RPC_SUBSCRIPTIONS_MAX} subscriptions and ${RPC_WAITS_MAX} calls that wait for a block. A WebSocket whose peer does not read is
told \`{"dropped": n}\` and closed with 1013.

**Admin methods** need the node's token, as \`Authorization: Bearer TOKEN\`, whatever address they come from. The token is new
at each start and stands in \`rpc.token\` of the node's home, readable by its user alone. \`quorate\` finds it by itself for the
user's nodes at the loopback address where they listen (127.0.0.1, not localhost), else it takes \`QUORATE_RPC_TOKEN\`. The \`devnet_\` methods exist only
on a chain whose genesis has the profile "dev".

## Values

Heights, views, counts and milliseconds are JSON numbers; amounts are decimal strings; bytes, hashes and addresses are
lower-case 0x-hex. **A block hash is shown byte-reversed**, as Bitcoin does; every other hash as it lies. Integers may be
sent as number, decimal string or 0x-hex. A block is named by height, hash, \`"latest"\`, \`"finalized"\`, \`"pending"\` (reads
as latest) or \`"earliest"\`. Only the latest state is kept: older ones are \`PRUNED\`. A lookup by hash that finds nothing
answers null; a height above the head is \`BLOCK_NOT_FOUND\`, and so is one below the first block of a node that began
from a snapshot. An answer speaks of one ledger: while the chain moves to another branch a read waits for the few milliseconds that this takes, and is \`SYNCING\` when the head does not stand still.
\`consensus_explain\` and what is read of the node itself wait for nothing.

## Waiting

\`tx_send\` with wait \`"none"\` answers when the bytes decode, \`"accepted"\` when the node has checked and pooled the
transaction, \`"included"\` when it is in a block, \`"final"\` when the block is final (under PBFT the same). A time-out
(\`timeoutMs\`, at most ${RPC_WAIT_MS_MAX}) is \`WAIT_TIMEOUT\` and says nothing about the transaction: it may still be included. A call
that is repeated because its answer was lost waits for, or tells of, the transaction that is already there, with \`already\`.
An error whose data names \`txHash\` came after the transaction was accepted: whether it happens is open.

Two processes that sign equal orders with the same nonce make equal bytes: one transaction, which both are told of. A
\`validUntilHeight\` of 2^52 plus a random number below 2^52 never comes, and makes them differ; \`quorate tx transfer\` and the
client's \`Sender\` choose one. Any number of them may then pay from one account at once.

## Subscriptions

\`sub_subscribe\` answers an id; then come notifications

\`\`\`json
{"jsonrpc":"2.0","method":"sub_event","params":{"subscription":"0x1","seq":17,"result":{}}}
\`\`\`

with \`seq\` from 1 without a gap. Topics: \`newHeads\` and \`finalized\` (headers), \`tx\` with \`filter.hash\` (where the
transaction is now, if it is known, then each change: \`pending\`, \`included\`, \`final\`, \`expired\`, \`replaced\`, \`dropped\`),
\`consensus\` (what the engine does: \`{t, type, seq, view?, digest?, from?}\`), \`reorgs\`.

\`events\`, \`tx\` with \`filter.account\`, and \`newHeads\` and \`finalized\` with \`from\` are streams: they replay history, then go
live, miss nothing, repeat nothing, and wait for a slow reader. Each item has a cursor: [events.md](events.md).
`;

const ERRORS = `\`error.data.code\` is the stable name; \`error.message\` is for people. -32602 lists what was wrong in
\`data.issues\`. A transaction that the node refuses is -32003 with the pool's own code (\`TX_BAD_SIGNATURE\`,
\`TX_NONCE_TOO_LOW\`, \`TX_NONCE_GAP\`, \`TX_INSUFFICIENT_FUNDS\`, \`TX_DUPLICATE\`, \`TX_FEE_TOO_LOW\`, \`TX_EXPIRED\`, ...). \`TX_HARMFUL\`
is a proposal or a vote of a member's operator that would harm the chain as this node sees it, with the words of
\`gov_check\`; one that says that it is forced is taken.
`;

const METRICS = `## Metrics

\`rpc_requests_total{method,code}\` (code 0 is success; a method outside the table counts as "unknown"),
\`rpc_duration_seconds{method}\` (waits included), \`rpc_ws_subscriptions\`.
`;
