/** Why a peer is not connected, in words: of one that hangs up they differ where it was connected before. */
import { expect, it } from "vitest";
import { Troubles } from "../../src/p2p/troubles.ts";

const peer = { name: "node1", peerId: "its id", multiaddr: "/ip4/127.0.0.1/tcp/9001" };
const reason = (troubles: Troubles) => troubles.list()[0]?.reason;

it("a peer that hangs up before the handshake most likely does not know this node", () => {
  const troubles = new Troubles("own id", [peer]);
  troubles.hungUp("its id");
  expect(reason(troubles)).toBe(
    "it ends the connection at /ip4/127.0.0.1/tcp/9001 before the handshake: most likely its peers.json and genesis do not list this node's peer id, own id (its log says why)",
  );
  troubles.solved("its id");
  expect(troubles.list()).toEqual([]);
});

it("a peer that hangs up although it was connected before stops or is too busy, until it is named anew", () => {
  const troubles = new Troubles("own id", [peer]);
  troubles.solved("its id");
  troubles.hungUp("its id");
  expect(reason(troubles)).toContain(
    "it was connected before, so it stops, is too busy to answer in time, or",
  );
  troubles.setPeers([]);
  troubles.setPeers([peer]);
  troubles.hungUp("its id");
  expect(reason(troubles)).toContain("most likely its peers.json");
});

it("what a handshake said stands until the peer is connected or dialled in vain", () => {
  const troubles = new Troubles("own id", [peer]);
  troubles.refused("its id", "genesis mismatch");
  troubles.hungUp("its id");
  expect(reason(troubles)).toBe("genesis mismatch");
  troubles.dialFailed("its id", "connect ECONNREFUSED");
  expect(reason(troubles)).toBe("nobody listens at /ip4/127.0.0.1/tcp/9001");
});
