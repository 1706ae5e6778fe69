/** The network of a node: whom its home and its genesis name, and what it listens on. */
import type { Logger } from "../../base/log.ts";
import { validatorsOf } from "../../chain/genesis/genesis.ts";
import { computeGenesisHash } from "../../chain/genesis/genesis-state.ts";
import type { Signer } from "../../crypto/keys.ts";
import { P2pNetwork } from "../../p2p/network.ts";
import { multiaddrOf, operatorPeers } from "../home/peers-file.ts";
import type { NodeOptions } from "../node.ts";
import { openPeerSearch, type TipAge } from "./peer-search.ts";
import { jitter, systemScheduler } from "./system.ts";

interface NetworkParts {
  readonly signer: Signer | undefined;
  readonly logger: Logger;
  readonly tip: TipAge;
  readonly headHeight: () => bigint;
  /** The lowest block whose body is here, or undefined before the database is open. */
  readonly lowestBody?: () => bigint | undefined;
}

export function openNetwork(
  { home, config, extraPeers = [], blockedPeers = [] }: NodeOptions,
  { signer, logger, tip, headHeight, lowestBody }: NetworkParts,
): P2pNetwork {
  const { genesis } = home;
  const options = {
    identitySeed: home.nodeKey.seed,
    listen: multiaddrOf(config.p2p.host, config.p2p.port),
    genesisHash: computeGenesisHash(genesis),
    chainId: genesis.chainId,
    name: config.name,
    ...operatorPeers(home.peers, extraPeers),
    allowlist: genesis.validators.map(({ peerId }) => peerId),
    validators: validatorsOf(genesis).members.map((member) => member.publicKey),
    signer,
    blocked: blockedPeers,
    discovery: openPeerSearch(home, config, { logger, now: () => systemScheduler.now(), tip }),
  };
  const storage = () => ({ mode: config.storage.mode, lowestBody: lowestBody?.() ?? 1n });
  return new P2pNetwork(options, { scheduler: systemScheduler, logger, headHeight, storage, jitter });
}
