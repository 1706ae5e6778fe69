/**
 * Who may talk to this node. Two checks: the allowlist, asked as soon as encryption has proved a peer's id, in both
 * directions (an open network asks whether there is a reason against instead); and the HELLO, which must name the same wire version, chain and genesis, and whose validator claim,
 * if it makes one, must be signed. It decides and counts; the streams are sessions.ts's matter.
 */

import type { ConnectionGater, MultiaddrConnection, PeerId } from "@libp2p/interface";
import { type Address, equalBytes, type Hash, showHash } from "../../base/bytes.ts";
import { dropOldest } from "../../base/drop-oldest.ts";
import { accept, refuse, type Verdict } from "../../base/fault.ts";
import { CONNECTIONS_PER_PEER_MAX, REFUSALS_LOGGED_MAX } from "../../base/limits.ts";
import type { Logger } from "../../base/log.ts";
import { type Signer, verifySignature } from "../../crypto/keys.ts";
import { peerIdBytes } from "./identity.ts";
import type { Meter } from "./meter.ts";
import { claimSigningBytes, type Hello, type ValidatorClaim } from "./wire.ts";

/** What both sides of a connection must agree on. */
export interface ChainIdentity {
  readonly genesisHash: Hash;
  readonly chainId: bigint;
  /** Public keys of the validators by seat, as they are now. */
  readonly validators: () => readonly Address[];
}

export type HelloFaultCode = "chain-id" | "genesis" | "claim";

/**
 * Judges a decoded HELLO of the peer that encryption proved to be `peerId`.
 * @returns the index of the validator that the peer proved to be, undefined for a peer that claims nothing
 */
export function checkHello(
  chain: ChainIdentity,
  hello: Hello,
  peerId: string,
): Verdict<number | undefined, HelloFaultCode> {
  if (hello.chainId !== chain.chainId) {
    return refuse("chain-id", `chain id mismatch: ours ${chain.chainId}, peer's ${hello.chainId}`);
  }
  if (!equalBytes(hello.genesisHash, chain.genesisHash)) {
    const [ours, theirs] = [showHash(chain.genesisHash), showHash(hello.genesisHash)];
    return refuse("genesis", `genesis mismatch: ours ${ours}, peer's ${theirs}`);
  }
  return hello.claim === undefined ? accept(undefined) : checkClaim(chain, hello.claim, peerId);
}

function checkClaim(
  chain: ChainIdentity,
  claim: ValidatorClaim,
  peerId: string,
): Verdict<number | undefined, HelloFaultCode> {
  const index = chain.validators().findIndex((publicKey) => equalBytes(publicKey, claim.publicKey));
  // A key outside the set is a former or future validator: an ordinary peer.
  if (index < 0) return accept(undefined);
  const message = claimSigningBytes(chain.genesisHash, peerIdBytes(peerId));
  if (verifySignature(claim.publicKey, message, claim.signature)) return accept(index);
  return refuse("claim", `claims to be validator ${index} with a signature that does not match its peer id`);
}

/** The claim that this node shows to everyone. */
export function signClaim(signer: Signer, genesisHash: Hash, peerId: string): ValidatorClaim {
  return {
    publicKey: signer.publicKey,
    signature: signer.sign(claimSigningBytes(genesisHash, peerIdBytes(peerId))),
  };
}

/** A connection whose peer id encryption has proved. */
export interface NewConnection {
  readonly peerId: string;
  readonly multiaddr: string;
  readonly direction: "inbound" | "outbound";
}

const REFUSALS = {
  "peer-not-allowed": "peer refused: not on the allowlist (validators, peers.json and what the chain admits)",
  "peer-banned": "peer refused: banned",
  "inbound-full": "peer refused: no inbound connection left for it",
  "peer-connections": "peer refused: it has too many connections already",
} as const;

interface GaterDependencies {
  readonly meter: Meter;
  readonly logger: Logger;
  /** Whether a peer is cut off for now, on purpose. */
  isBlocked(peerId: string): boolean;
  /** Whether a peer was sent away and its time is not over. */
  isPaused?(peerId: string): boolean;
  /** How many connections there are with a peer. */
  connectionsOf(peerId: string): number;
  /** Says in an open network why a peer that is not on the allowlist is refused; undefined lets it in. */
  readonly refuseStranger?: (stranger: NewConnection) => keyof typeof REFUSALS | undefined;
}

/**
 * The allowlist, or the admission rule of an open network, as libp2p's gater. A refused peer is logged once and counted each
 * time.
 */
export function createGater(
  allowlist: Pick<ReadonlySet<string>, "has">,
  { meter, logger, isBlocked, isPaused, connectionsOf, refuseStranger = notAllowed }: GaterDependencies,
): ConnectionGater {
  const logged = new OnceEach(REFUSALS_LOGGED_MAX);
  const refusal = (peerId: string, multiaddr: string, direction: NewConnection["direction"]) => {
    // Of whomever: who opens many takes the places of all others.
    if (connectionsOf(peerId) >= CONNECTIONS_PER_PEER_MAX) return "peer-connections";
    return allowlist.has(peerId) ? undefined : refuseStranger({ peerId, multiaddr, direction });
  };
  const deny = (direction: NewConnection["direction"]) => (peer: PeerId, connection: MultiaddrConnection) => {
    const peerId = peer.toString();
    if (isBlocked(peerId)) {
      meter.rejected("peer-blocked");
      return true;
    }
    if (isPaused?.(peerId) === true) {
      meter.rejected("peer-paused");
      return true;
    }
    const address = connection.remoteAddr.toString();
    const reason = refusal(peerId, address, direction);
    if (reason === undefined) return false;
    meter.rejected(reason);
    const message = REFUSALS[reason];
    if (logged.first(`${peerId} ${reason}`)) {
      logger.log(reason === "inbound-full" ? "debug" : "warn", "p2p", message, {
        peer: peerId,
        direction,
        address,
      });
    }
    return true;
  };
  return {
    // libp2p's own gater for browsers refuses private addresses; here only the peer id decides.
    denyDialMultiaddr: () => false,
    denyInboundEncryptedConnection: deny("inbound"),
    denyOutboundEncryptedConnection: deny("outbound"),
  };
}

const notAllowed = (): "peer-not-allowed" => "peer-not-allowed";

/** Remembers keys to say something once about each; beyond the bound the oldest is forgotten. */
export class OnceEach {
  readonly #seen = new Set<string>();
  readonly #countMax: number;

  constructor(countMax: number) {
    this.#countMax = countMax;
  }

  /** Whether `key` is new. */
  first(key: string): boolean {
    if (this.#seen.has(key)) return false;
    if (this.#seen.size >= this.#countMax) dropOldest(this.#seen);
    this.#seen.add(key);
    return true;
  }
}
