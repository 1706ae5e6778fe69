/**
 * Since when each validator has been away from this node, or silent: what a list of connected peers cannot tell. For people
 * (consensus_explain); nothing decides by it. Bound: entries per validator.
 */
import type { ValidatorId } from "../../consensus/engine.ts";
import type { Network } from "../ports.ts";

export class Presence {
  readonly #peers: Network["peers"];
  readonly #now: () => number;
  /** Validators by the peer they were last connected as. */
  readonly #validators = new Map<string, ValidatorId>();
  readonly #awaySinceMs = new Map<ValidatorId, number>();
  /** When each validator last connected, or last sent a consensus message. */
  readonly #receivedAtMs = new Map<ValidatorId, number>();
  #startedAtMs: number | undefined;

  constructor(peers: Network["peers"], now: () => number) {
    this.#peers = peers;
    this.#now = now;
  }

  /** From now on a validator that has not come yet counts as away. */
  start(): void {
    this.#startedAtMs = this.#now();
  }

  /** Called when the network lists the peer. */
  connected(peerId: string): void {
    const validator = this.#peers().find((peer) => peer.peerId === peerId)?.validator;
    if (validator === undefined) return;
    for (const [other, index] of this.#validators) if (index === validator) this.#validators.delete(other);
    this.#validators.set(peerId, validator);
    this.#awaySinceMs.delete(validator);
    this.#receivedAtMs.set(validator, this.#now());
  }

  /** More peers may be validators than when they connected. */
  reseated(): void {
    for (const { peerId, validator } of this.#peers()) {
      if (validator !== undefined && this.#validators.get(peerId) !== validator) this.connected(peerId);
    }
  }

  /** A consensus message came from it, whatever it says. */
  received(validator: ValidatorId): void {
    this.#receivedAtMs.set(validator, this.#now());
  }

  /** When it was last heard, ms since the Unix epoch. Undefined for a validator that is not connected. */
  silentSinceMs(validator: ValidatorId): number | undefined {
    return this.#isPresent(validator) ? this.#receivedAtMs.get(validator) : undefined;
  }

  disconnected(peerId: string): void {
    const validator = this.#validators.get(peerId);
    if (validator !== undefined) this.#awaySinceMs.set(validator, this.#now());
  }

  /**
   * Since when it is away, ms since the Unix epoch: since this node's start if it never came. Undefined for a
   * connected one.
   */
  awaySinceMs(validator: ValidatorId): number | undefined {
    if (this.#isPresent(validator)) return undefined;
    return this.#awaySinceMs.get(validator) ?? this.#startedAtMs;
  }

  #isPresent(validator: ValidatorId): boolean {
    return this.#peers().some((peer) => peer.validator === validator);
  }
}
