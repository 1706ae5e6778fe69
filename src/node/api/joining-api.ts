/**
 * Who may connect by the operator's word: peers.json, read again without a restart, and invitations, which add to it.
 * What the file says and what the network does are changed together; a file that is refused changes nothing.
 */
import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { equalBytes, type Hash, showHash } from "../../base/bytes.ts";
import { accept, refuse, type Verdict } from "../../base/fault.ts";
import type { Logger } from "../../base/log.ts";
import { createSigner } from "../../crypto/keys.ts";
import type { P2pNetwork } from "../../p2p/network.ts";
import type { Guest, InvitationOrder, JoiningApi, NamedPeer, PeersReload } from "../../rpc/joining.ts";
import { writeWhole } from "../../storage/durable-file.ts";
import type { Home } from "../home/home.ts";
import { isDialAddress } from "../home/host-name.ts";
import {
  decodeInvitation,
  encodeInvitation,
  INVITATION_SERIAL_BYTES,
  isHttpUrl,
} from "../home/invitation.ts";
import { formatPeers, type KnownPeer, operatorPeers, parsePeers } from "../home/peers-file.ts";
import { TakenInvitations } from "../home/taken-invitations.ts";
import { readTextFile } from "../home/text-file.ts";

const HOUR_MS = 3_600_000;

export interface JoiningPorts {
  readonly home: Home;
  readonly name: string;
  /** Peers of the command line, which stay. */
  readonly extraPeers: readonly KnownPeer[];
  readonly genesisHash: Hash;
  readonly network: Pick<P2pNetwork, "addresses" | "peerId" | "usePeers">;
  readonly logger: Logger;
  /** Milliseconds since the Unix epoch. */
  readonly now: () => number;
}

export class HomeJoining implements JoiningApi {
  readonly #ports: JoiningPorts;
  readonly #taken: TakenInvitations;
  #peers: readonly KnownPeer[];

  constructor(ports: JoiningPorts) {
    this.#ports = ports;
    this.#peers = ports.home.peers;
    this.#taken = new TakenInvitations(ports.home.paths.invitations);
  }

  invite(order: InvitationOrder): Verdict<{ readonly text: string; readonly expiresAtMs: number }> {
    const { home, genesisHash, network, now } = this.#ports;
    const given = order.addresses.length > 0 ? order.addresses : network.addresses;
    const addresses = given.map((address) => address.replace(/\/p2p\/[^/]*$/, ""));
    const bad = [
      ...order.urls.filter((url) => !isHttpUrl(url)),
      ...addresses.filter((address) => !isDialAddress(address)),
    ];
    if (bad.length > 0) {
      const forms = "http://HOST:PORT, and /ip4/ADDRESS/tcp/PORT (or /ip6, /dns)";
      return refuse("BAD_INVITATION", `${JSON.stringify(bad[0])}: an invitation carries ${forms}`);
    }
    const expiresAtMs = now() + order.hours * HOUR_MS;
    const serial = new Uint8Array(randomBytes(INVITATION_SERIAL_BYTES));
    const { urls } = order;
    const signer = createSigner(home.nodeKey.seed);
    return accept({
      text: encodeInvitation({ genesisHash, expiresAtMs, serial, urls, addresses }, signer),
      expiresAtMs,
    });
  }

  admit({ invitation: text, name, peerId }: Guest): Verdict<readonly NamedPeer[]> {
    const { genesisHash, network, now, logger } = this.#ports;
    const opened = decodeInvitation(text);
    if (!opened.ok) return refuse("BAD_INVITATION", opened.fault.detail);
    const invitation = opened.value;
    if (invitation.peerId !== network.peerId) {
      return refuse("BAD_INVITATION", `given by ${invitation.peerId}; this node is ${network.peerId}`);
    }
    if (!equalBytes(invitation.genesisHash, genesisHash)) {
      return refuse(
        "BAD_INVITATION",
        `to a chain with another genesis; this one's is ${showHash(genesisHash)}`,
      );
    }
    const known = this.#read();
    if (!known.ok) return known;
    const others = known.value.filter((peer) => peer.peerId !== peerId);
    const before = known.value.find((peer) => peer.peerId === peerId);
    const after = formatPeers(before === undefined ? [...others, { name, peerId }] : known.value);
    // The form of the guest is that of a line of the file.
    const parsed = parsePeers(after);
    if (!parsed.ok) return refuse("BAD_INVITATION", `the newcomer: ${parsed.fault.detail}`);
    const taken = this.#taken.take(invitation, peerId, now());
    if (!taken.ok) return taken;
    if (before === undefined) writeWhole(this.#ports.home.paths.peers, after);
    this.#use(parsed.value);
    logger.log("info", "p2p", "an invitation was taken", { name, peer: peerId });
    const self = invitation.addresses[0];
    const own =
      self === undefined ? [] : [{ name: this.#ports.name, peerId: network.peerId, multiaddr: self }];
    return accept([...own, ...dialled(others)]);
  }

  reloadPeers(): Verdict<PeersReload> {
    const read = this.#read();
    if (!read.ok) return read;
    const before = this.#peers;
    this.#use(read.value);
    const missingIn = (list: readonly KnownPeer[]) => (one: KnownPeer) =>
      !list.some(({ peerId, multiaddr }) => peerId === one.peerId && multiaddr === one.multiaddr);
    const added = read.value.filter(missingIn(before)).map(({ name }) => name);
    const removed = before.filter(missingIn(read.value)).map(({ name }) => name);
    const peers = read.value.length;
    const fields = { peers, added: added.join(" "), removed: removed.join(" ") };
    this.#ports.logger.log("info", "p2p", "peers.json was read again", fields);
    return accept({ peers, added, removed });
  }

  /** Reads the peers again as {@link reloadPeers} does, and logs what is wrong. */
  reload(): void {
    const read = this.reloadPeers();
    if (read.ok) return;
    this.#ports.logger.log("error", "p2p", "peers.json is not used", { reason: read.fault.detail });
  }

  #read(): Verdict<readonly KnownPeer[]> {
    const { peers: path } = this.#ports.home.paths;
    const text = existsSync(path) ? readTextFile(path) : accept("[]");
    const parsed = text.ok ? parsePeers(text.value) : text;
    return parsed.ok
      ? parsed
      : refuse("BAD_PEERS_FILE", `${path}: ${parsed.fault.detail}; all stays as it was`);
  }

  #use(peers: readonly KnownPeer[]): void {
    this.#peers = peers;
    this.#ports.network.usePeers(operatorPeers(peers, this.#ports.extraPeers));
  }
}

function dialled(peers: readonly KnownPeer[]): NamedPeer[] {
  return peers.flatMap(({ name, peerId, multiaddr }) =>
    multiaddr === undefined ? [] : [{ name, peerId, multiaddr }],
  );
}
