/**
 * Where other nodes are: peers.json and the --peer flag. The allowlist of the network is the genesis validators and
 * these; being listed here is permission to connect, and the address is where to dial.
 */
import { isIPv4 } from "node:net";
import { accept, refuse, type Verdict } from "../../base/fault.ts";
import { NAME_LENGTH_MAX, PEERS_FILE_MAX } from "../../base/limits.ts";
import { checkJson, field, list, object, optional, textField } from "../../codec/field.ts";
import { isDialAddress } from "./host-name.ts";

export interface KnownPeer {
  readonly name: string;
  /** The libp2p peer id in base58. */
  readonly peerId: string;
  /** The address to dial, without /p2p: "/ip4/10.0.0.1/tcp/30300". Left out for a peer that dials in. */
  readonly multiaddr?: string | undefined;
}

const PEER_ID = "12D3KooW[1-9A-HJ-NP-Za-km-z]{44}";
const peerMultiaddr = new RegExp(`^(/.{1,300})/p2p/(${PEER_ID})$`);

const schema = list(
  object({
    name: textField(
      `a name of 1 to ${NAME_LENGTH_MAX} letters, digits, ".", "-" or "_"`,
      new RegExp(`^[A-Za-z0-9._-]{1,${NAME_LENGTH_MAX}}$`),
    ),
    peerId: textField("an Ed25519 peer id (12D3KooW and 44 base58 characters)", new RegExp(`^${PEER_ID}$`)),
    multiaddr: optional(
      field("an address such as /ip4/10.0.0.1/tcp/30300 (without /p2p)", (value) =>
        typeof value === "string" && isDialAddress(value) ? value : undefined,
      ),
    ),
  }),
);

/** The text of peers.json. */
export function parsePeers(json: string): Verdict<readonly KnownPeer[], "malformed"> {
  const peers = checkJson(schema, json);
  if (!peers.ok) return peers;
  if (peers.value.length > PEERS_FILE_MAX) {
    return refuse("malformed", `expected at most ${PEERS_FILE_MAX} peers, found ${peers.value.length}`);
  }
  const ids = new Set<string>();
  for (const [i, { peerId }] of peers.value.entries()) {
    if (ids.has(peerId)) return refuse("malformed", `[${i}].peerId: ${peerId} is listed twice`);
    ids.add(peerId);
  }
  return accept(peers.value);
}

export function formatPeers(peers: readonly KnownPeer[]): string {
  return `${JSON.stringify(peers, undefined, 2)}\n`;
}

/** The value of --peer: /ip4/10.0.0.1/tcp/30300/p2p/12D3KooW... The peer is named by its address. */
export function parsePeerAddress(text: string): Verdict<KnownPeer, "malformed"> {
  const [, multiaddr, peerId] = peerMultiaddr.exec(text) ?? [];
  if (multiaddr === undefined || peerId === undefined || !isDialAddress(multiaddr)) {
    const found = `found ${JSON.stringify(text)}`;
    return refuse("malformed", `expected /ip4/ADDRESS/tcp/PORT/p2p/PEERID (or /ip6, /dns), ${found}`);
  }
  return accept({ name: peerId.slice(-8), peerId, multiaddr });
}

/** The multiaddr of a host (an IPv4 or IPv6 address, or a name) and a port. */
export function multiaddrOf(host: string, port: number): string {
  if (isIPv4(host)) return `/ip4/${host}/tcp/${port}`;
  return `/${host.includes(":") ? "ip6" : "dns"}/${host}/tcp/${port}`;
}

/** Whom the network dials and lets in by these files; a peer of the command line has an address and goes first. */
export function operatorPeers(peers: readonly KnownPeer[], extra: readonly KnownPeer[]) {
  return {
    staticPeers: [...peers, ...extra].flatMap(({ name, peerId, multiaddr }) =>
      multiaddr === undefined ? [] : [{ name, peerId, multiaddr }],
    ),
    allowed: peers.map(({ peerId }) => peerId),
  };
}
