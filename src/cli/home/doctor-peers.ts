/**
 * The peers of a home, dialled as the node itself would: who can be reached, who agrees on the genesis and lets this
 * node in, and what time they have. It shows the node's own identity, without a vote, and hangs up. Only while the
 * node does not run: two with one identity would push each other out.
 */
import { SILENT } from "../../base/log.ts";
import { validatorsOf } from "../../chain/genesis/genesis.ts";
import { computeGenesisHash } from "../../chain/genesis/genesis-state.ts";
import { systemScheduler } from "../../node/assembly/system.ts";
import type { Config } from "../../node/home/config.ts";
import type { Home } from "../../node/home/home.ts";
import { P2pNetwork } from "../../p2p/network.ts";
import { checkClocks, type Finding } from "./doctor-checks.ts";

/** A peer that has neither answered nor refused by then does not answer. */
const WAIT_MS = 6_000;
const LOOK_MS = 50;

export async function examinePeers({ genesis, peers, nodeKey }: Home, { name }: Config): Promise<Finding[]> {
  const staticPeers = peers.flatMap(({ name: peer, peerId, multiaddr }) =>
    multiaddr === undefined ? [] : [{ name: peer, peerId, multiaddr }],
  );
  const options = {
    identitySeed: nodeKey.seed,
    listen: "/ip4/127.0.0.1/tcp/0",
    genesisHash: computeGenesisHash(genesis),
    chainId: genesis.chainId,
    name,
    staticPeers,
    allowlist: [],
    validators: validatorsOf(genesis).members.map((member) => member.publicKey),
    signer: undefined,
  };
  const network = new P2pNetwork(options, {
    scheduler: systemScheduler,
    logger: SILENT,
    headHeight: () => 0n,
    jitter: () => 0.5,
  });
  const others = staticPeers.filter(({ peerId }) => peerId !== network.peerId);
  if (others.length === 0) {
    const detail =
      "peers.json gives no address of another node: this one waits to be dialled, or is alone on purpose";
    return [{ name: "peers", ok: true, detail }, checkClocks([], genesis)];
  }
  await network.start(NO_PART);
  try {
    const endMs = systemScheduler.now() + WAIT_MS;
    while (systemScheduler.now() < endMs && !isSettled(network, others.length)) {
      await new Promise<void>((resolve) => systemScheduler.after(LOOK_MS, resolve));
    }
    const present = network.peers();
    const clocks = present.flatMap(({ name: peer, peerId, clock }) =>
      clock === undefined ? [] : [{ name: peer ?? peerId, ...clock }],
    );
    const missing = others.filter(({ peerId }) => !present.some((peer) => peer.peerId === peerId));
    return [checkPeers(others.length, missing, network.troubles()), checkClocks(clocks, genesis)];
  } finally {
    await network.stop();
  }
}

/** Each has answered and told its time, or is known not to. */
function isSettled(network: P2pNetwork, count: number): boolean {
  const answered = network.peers().filter(({ clock }) => clock !== undefined);
  return answered.length + network.troubles().length >= count;
}

function checkPeers(
  count: number,
  missing: readonly { readonly name: string }[],
  troubles: ReturnType<P2pNetwork["troubles"]>,
): Finding {
  const name = "peers";
  if (missing.length === 0) {
    return { name, ok: true, detail: `all ${count} answer, agree on the genesis and let this node in` };
  }
  const reasons = missing.map((peer) => {
    const trouble = troubles.find((one) => one.name === peer.name);
    return `${peer.name}: ${trouble?.reason ?? "no answer"}`;
  });
  const detail = `${count - missing.length} of ${count} answer; ${reasons.join("; ")}`;
  const isInput = troubles.some(({ reason }) => /^(genesis|chain id) mismatch/.test(reason));
  return { name, ok: false, detail, isInput };
}

const NO_PART = {
  mailReceived: () => undefined,
  mailAnnounced: () => ({ isAwaited: false, pause: undefined }),
  rumorReceived: async () => "ignore" as const,
  requestReceived: async () => {
    throw new Error("only looking");
  },
  peerConnected: () => undefined,
  peerDisconnected: () => undefined,
};
