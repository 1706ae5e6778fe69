/**
 * Every key of a node's configuration on one screen: its bounds, its default, what it does. config.ts reads this
 * table for the file, the environment and the flags, and writes the commented config.toml from it. What all nodes
 * of a chain must share is no configuration: it stands in genesis.json.
 */

import {
  INBOUND_CEILING,
  MINING_THREADS_MAX,
  NAME_LENGTH_MAX,
  OUTBOUND_CEILING,
  POOL_BYTES_CEILING,
  POOL_BYTES_MAX,
  POOL_TRANSACTIONS_CEILING,
  POOL_TRANSACTIONS_MAX,
} from "../../base/limits.ts";
import { choiceField, type Field, field, integerField, textField } from "../../codec/field.ts";
import { INBOUND_MAX, OUTBOUND_SLOTS } from "../../p2p/discovery/outbound-slots.ts";
import { SNAPSHOTS_KEPT_MAX } from "../../p2p/sync/snapshot-wire.ts";
import {
  amountField,
  booleanField,
  coinbaseField,
  emptyBlocksField,
  HOUR_MS,
  hostNamesField,
  logLevelsField,
  optionalField,
  originsField,
  pathField,
  signerAddressField,
  slotField,
  workField,
} from "./config-fields.ts";
import { isHost } from "./host-name.ts";

export interface KeySpec<T = unknown> {
  /** Accepts the file's value and the text of an environment variable or flag. */
  readonly schema: Field<T>;
  /** The value where none is given, as it is written in config.toml. */
  readonly fallback: string | number | boolean | readonly string[];
  /** Lines of the comment above the key. */
  readonly doc: string;
  /** The flag that sets it, where it is not named after the key. */
  readonly flag?: string;
}

function key<T>(schema: Field<T>, fallback: KeySpec["fallback"], doc: string, flag?: string): KeySpec<T> {
  return { schema, fallback, doc, ...(flag === undefined ? {} : { flag }) };
}

/** No more headers may stand on a block whose body is not here (HEADERS_AHEAD_MAX), with some room. */
const SNAPSHOT_DEPTH_MAX = 10_000;
/** More than any machine does. */
const HASH_LIMIT_MAX = 1_000_000_000_000;
const host = field("a host name or an IP address in full", (value) =>
  typeof value === "string" && isHost(value) ? value : undefined,
);
const port = integerField(0, 65_535);

export const CONFIG_KEYS = {
  name: key(
    textField(
      `a name of 1 to ${NAME_LENGTH_MAX} letters, digits, ".", "-" or "_"`,
      new RegExp(`^[A-Za-z0-9._-]{1,${NAME_LENGTH_MAX}}$`),
    ),
    "node",
    "What this node calls itself in logs and to its peers.",
  ),
  mode: key(
    choiceField("validator", "miner", "full"),
    "full",
    '"validator" votes with keys/validator.json, which genesis.json must name; "miner" mines; "full" follows the chain.',
  ),
  "rpc.host": key(
    host,
    "127.0.0.1",
    "Where JSON-RPC, /health and /metrics listen. Keep it on loopback or behind a proxy.",
  ),
  "rpc.port": key(port, 18_545, "TCP port of JSON-RPC; 0 takes a free one."),
  "rpc.cors_origins": key(
    originsField(),
    [],
    'Web origins whose pages may call this node, such as "https://example.org". None by default.',
  ),
  "rpc.allowed_hosts": key(
    hostNamesField(),
    [],
    'Names by which this node is called, such as "node0.example.org", besides localhost and IP addresses.',
  ),
  "p2p.host": key(host, "0.0.0.0", "Where other nodes connect."),
  "p2p.port": key(port, 30_300, "TCP port for other nodes; 0 takes a free one."),
  "p2p.discovery": key(
    choiceField("auto", "on", "off"),
    "auto",
    'Let strangers in and look for more peers: "auto" does where blocks are mined, not where genesis names validators.',
  ),
  "p2p.outbound": key(
    integerField(1, OUTBOUND_CEILING),
    OUTBOUND_SLOTS,
    "With discovery: connections to peers that this node chooses.",
  ),
  "p2p.inbound_max": key(
    integerField(0, INBOUND_CEILING),
    INBOUND_MAX,
    "With discovery: connections that strangers may open to this node.",
  ),
  "mining.threads": key(integerField(1, MINING_THREADS_MAX), 1, "Threads that mine.", "--mine"),
  "mining.coinbase": key(
    coinbaseField(),
    "",
    'Account that is paid for mined blocks: 0x and 64 hex digits; "" until miner_setCoinbase says so.',
    "--coinbase",
  ),
  "mining.hash_limit": key(
    integerField(0, HASH_LIMIT_MAX),
    0,
    "Hashes a second of all threads at most; 0: as many as they can.",
    "--hash-limit",
  ),
  "chain.finality_depth": key(
    integerField(1, 100_000),
    6,
    "Where blocks can be abandoned: a block with so many on top is called final. A word, no guarantee.",
  ),
  "chain.max_reorg_depth": key(
    integerField(0, 1_000_000),
    0,
    "Abandon no more blocks than this for a heavier branch, 0: any. It can cut this node off from the network for good.",
  ),
  "chain.minimum_work": key(
    workField(),
    "0x0",
    "Store no branch with less work (expected hashes since block 0, 0x-hex): spares a new node cheap forgeries.",
  ),
  "consensus.block_time_ms": key(
    integerField(0, HOUR_MS),
    0,
    "Least time between two blocks that this validator proposes; 0: as soon as there is work, after a long block a little later.",
  ),
  "consensus.empty_blocks_ms": key(
    emptyBlocksField(),
    "auto",
    'Propose an empty block after this long without work; 0: never. "auto" is 5000 where votes may change the validators, else 0.',
  ),
  "consensus.status_interval_ms": key(
    integerField(50, 60_000),
    1_000,
    "How often a validator tells the others what it has, so that lost votes are sent again.",
  ),
  "consensus.request_timeout_ms": key(
    integerField(50, HOUR_MS),
    2_000,
    "How long the oldest pending work may take before this validator asks for another primary; doubles per attempt.",
  ),
  "consensus.timeout_max_ms": key(integerField(50, 24 * HOUR_MS), 60_000, "Ceiling of that doubling."),
  "consensus.resend_interval_ms": key(
    integerField(50, 60_000),
    1_000,
    "How often an unanswered request for another primary is sent again.",
  ),
  "consensus.fairness_timeout_ms": key(
    integerField(50, 24 * HOUR_MS),
    20_000,
    "How long a transaction may wait while blocks have room before the primary is taken to be unfair.",
  ),
  "verification.thread": key(
    choiceField("auto", "on", "off"),
    "auto",
    'Judge the signatures of transactions that come together on a thread of their own; "auto" does with more than two cores where a trial at the start shows one free.',
  ),
  "sync.interval_ms": key(
    integerField(0, HOUR_MS),
    1_000,
    "How often heads and pools are compared with a peer, to repair what gossip lost; 0: never.",
  ),
  "storage.mode": key(
    choiceField("archive", "pruned"),
    "archive",
    '"archive" keeps every block; "pruned" keeps headers, certificates and the state for ever, bodies and receipts of new blocks.',
  ),
  "storage.keep_blocks": key(
    integerField(1, 1_000_000_000),
    100_000,
    "Pruned: so many of the newest blocks keep their bodies. What the node itself may need stays besides (docs/operations.md).",
  ),
  "storage.keep_hours": key(
    integerField(0, 1_000_000),
    0,
    "Pruned: blocks that are younger than this keep their bodies too; 0: the number alone counts.",
  ),
  "storage.reserve_mb": key(
    integerField(0, 1_000_000),
    256,
    "Free disk, MiB, below which the node takes no more blocks until there is room again; 0: not watched.",
  ),
  "snapshots.interval": key(
    integerField(0, 1_000_000_000),
    10_000,
    "Make a snapshot at each multiple of so many blocks, or at the first checkpoint behind, for peers that join; 0: none.",
  ),
  "snapshots.kept": key(
    integerField(1, SNAPSHOTS_KEPT_MAX),
    2,
    "Snapshots that are kept, the newest; each takes about as much disk as the state.",
  ),
  "snapshots.depth": key(
    integerField(1, SNAPSHOT_DEPTH_MAX),
    144,
    "Of a mined chain: headers that stand on the block whose state a snapshot has, in those that are made and in those that are taken.",
  ),
  "snapshots.join_above": key(
    integerField(0, 1_000_000_000),
    0,
    "Begin with a snapshot of the peers where this node has no blocks and they offer one of this height or above; 0: with the blocks.",
  ),
  "modules.fetch": key(
    booleanField(),
    true,
    "Fetch the file of a module's new version from peers by its hash, once the validators have voted it in. Without it the node stops there.",
  ),
  "index.events": key(
    booleanField(),
    false,
    "Keep an index of module events and of accounts' transactions, for replays and searches; built in the background.",
  ),
  "mempool.max_transactions": key(
    integerField(1, POOL_TRANSACTIONS_CEILING),
    POOL_TRANSACTIONS_MAX,
    "Transactions that wait at most; beyond it the lowest fee, then the youngest, gives way.",
  ),
  "mempool.max_bytes": key(
    integerField(65_536, POOL_BYTES_CEILING),
    POOL_BYTES_MAX,
    "Bytes of all waiting transactions; the same eviction.",
  ),
  "mempool.min_fee": key(
    amountField(),
    "0",
    "Least fee that this node takes into its pool, where blocks are mined; below the chain's minimum it does nothing.",
    "--min-fee",
  ),
  "signer.url": key(
    signerAddressField(),
    "",
    'A signer process that holds the validator\'s key and its journal of votes (quorate signer): "tls://HOST:PORT". Empty: keys/validator.json.',
  ),
  "signer.public_key": key(
    coinbaseField(),
    "",
    "The validator's public key, which the signer must hold: 0x and 64 hex digits.",
  ),
  "signer.ca": key(
    pathField(),
    "signer/ca.crt",
    "Certificate of the signer, or of who vouches for it (PEM), relative to the node's folder.",
  ),
  "signer.cert": key(pathField(), "signer/node.crt", "This node's certificate for the signer (PEM)."),
  "signer.key": key(pathField(), "signer/node.key", "The secret key of that certificate (PEM)."),
  "signer.pkcs11.module": key(
    optionalField(),
    "",
    "The PKCS#11 library of a token that holds the validator's key, such as /usr/lib/softhsm/libsofthsm2.so. Empty: none.",
  ),
  "signer.pkcs11.token": key(optionalField(), "", "The token, by its label."),
  "signer.pkcs11.slot": key(
    slotField(),
    "",
    "The token, by the number of its slot, where the label does not say it.",
  ),
  "signer.pkcs11.label": key(optionalField(), "", "The key in the token, by its label."),
  "signer.pkcs11.id": key(
    textField("hex digits, two for each byte, or none", /^([0-9a-f]{2}){0,64}$/),
    "",
    "The key in the token, by its id in hex.",
  ),
  "signer.pkcs11.pin_file": key(
    optionalField(),
    "",
    "A file with the token's PIN, relative to the node's folder. Else: --pin-fd, the systemd credential quorate-pin, or a question.",
    "--pin-file",
  ),
  "log.level": key(
    logLevelsField(),
    "info",
    'debug, info, warn or error, also per component: "info,pbft=debug,p2p=warn".',
  ),
  "log.file": key(
    textField("a path of at most 1,024 characters, or none", /^[^\0\r\n]{0,1024}$/),
    "",
    'A file for log lines (JSON), relative to the node\'s folder, such as "logs/node.log"; SIGHUP opens it anew. Empty: to standard error, readable on a terminal, else as JSON lines.',
  ),
} satisfies Record<string, KeySpec>;

export type ConfigKey = keyof typeof CONFIG_KEYS;

/** The environment variable of a key: rpc.port is QUORATE_RPC_PORT. */
export function variableOf(name: string): string {
  return `QUORATE_${name.replaceAll(".", "_").toUpperCase()}`;
}
