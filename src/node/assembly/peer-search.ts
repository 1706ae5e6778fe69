/**
 * Where a node lets strangers in and looks for more peers: on chains whose genesis names no validators, unless the
 * operator says otherwise. Here the book's file, the operator's numbers and the age of the tip become what
 * p2p/discovery/discovery.ts wants; it decides nothing about addresses. Source: docs/protocol.md, "Addresses".
 */
import { randomBytes } from "node:crypto";
import type { Logger } from "../../base/log.ts";
import type { Genesis } from "../../chain/genesis/genesis.ts";
import type { DiscoveryOptions } from "../../p2p/discovery/discovery.ts";
import { AddressFile } from "../home/address-file.ts";
import type { Config } from "../home/config.ts";
import type { Home } from "../home/home.ts";
import type { Replica } from "../replica.ts";

/** Spacings without a block after which it is hardly chance: e^-10 of all blocks take so long. */
const STALE_SPACINGS = 10;

/** How long the head has not moved, for a network that may have been cut off by an attacker. */
export class TipAge {
  readonly #now: () => number;
  #sinceMs: number;
  #staleMs = Number.POSITIVE_INFINITY;

  constructor(now: () => number) {
    this.#now = now;
    this.#sinceMs = now();
  }

  /** Counts from now on; where no work is scheduled the tip never grows stale. */
  follow({ chain, events }: Replica): void {
    const { rules } = chain;
    if (rules.kind === "forkable") this.#staleMs = STALE_SPACINGS * 1_000 * rules.schedule.spacing;
    events.heads.subscribe(() => {
      this.#sinceMs = this.#now();
    });
  }

  get isStale(): boolean {
    return this.#now() - this.#sinceMs > this.#staleMs;
  }
}

export interface SearchPorts {
  readonly logger: Logger;
  readonly now: () => number;
  readonly tip: TipAge;
}

/** Opens what finds peers. Undefined where only known peers connect. @throws Error when the disk fails. */
export function openPeerSearch(
  { paths, genesis }: Pick<Home, "paths" | "genesis">,
  { p2p }: Config,
  { logger, now, tip }: SearchPorts,
): DiscoveryOptions | undefined {
  if (!isOpenNetwork(genesis, p2p.discovery)) return undefined;
  const file = AddressFile.open(paths.addresses, { logger, now });
  return {
    ...file.memory,
    outboundSlots: p2p.outbound,
    inboundMax: p2p.inboundMax,
    random,
    isTipStale: () => tip.isStale,
    save: () => file.save(),
  };
}

export function isOpenNetwork({ validators }: Genesis, discovery: Config["p2p"]["discovery"]): boolean {
  return discovery === "auto" ? validators.length === 0 : discovery === "on";
}

/** A random number in [0, 1), with all the bits that a number has. */
function random(): number {
  return Number(randomBytes(8).readBigUInt64BE() >> 11n) / 2 ** 53;
}
