/** Whether a node should have peers, and what is said when it has none. */
import type { Logger } from "../../base/log.ts";
import type { Scheduler } from "../../base/scheduler.ts";
import type { P2pNetwork } from "../../p2p/network.ts";
import type { Config } from "../home/config.ts";
import type { Home } from "../home/home.ts";
import type { KnownPeer } from "../home/peers-file.ts";
import { isOpenNetwork } from "./peer-search.ts";

/** How long a node may be without a peer before it wonders aloud. */
const ALONE_MS = 5_000;

/**
 * Whether the genesis or the files of this node name others: without a peer it is cut off then. Alone on purpose is
 * the only validator, and whoever mines a dev chain without naming anybody.
 */
export function expectsPeers({
  home: { genesis, peers },
  config,
  extraPeers = [],
}: {
  readonly home: Pick<Home, "genesis" | "peers">;
  readonly config: Config;
  readonly extraPeers?: readonly KnownPeer[] | undefined;
}): boolean {
  const isPublic = genesis.profile !== "dev" && isOpenNetwork(genesis, config.p2p.discovery);
  return genesis.validators.length > 1 || peers.length > 0 || extraPeers.length > 0 || isPublic;
}

/** A refused dialer hears nothing of it: after a while without any peer the log says what is usually missing. */
export function warnWhenAlone(network: P2pNetwork, logger: Logger, scheduler: Scheduler): () => void {
  return scheduler.after(ALONE_MS, () => {
    if (network.peers().length > 0) return;
    const advice = "are they up, and do their peers.json files list this node's peer id?";
    logger.log("warn", "p2p", "no peer accepted this node yet", { peerId: network.peerId, advice });
  });
}
