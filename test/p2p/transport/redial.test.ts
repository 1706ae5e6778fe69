import { describe, expect, it } from "vitest";
import { SILENT } from "../../../src/base/log.ts";
import { Redial, type StaticPeer } from "../../../src/p2p/transport/redial.ts";
import { VirtualTime } from "../virtual-time.ts";

const PEER: StaticPeer = { name: "peer", peerId: "m", multiaddr: "/ip4/127.0.0.1/tcp/1" };

function setUp(selfId: string, dial: () => Promise<void>) {
  const time = new VirtualTime();
  const startMs = time.now();
  const dialledAtMs: number[] = [];
  const present = new Set<string>();
  const counts = { failures: 0 };
  const redial = new Redial(
    { selfId, peers: [PEER, { ...PEER, peerId: selfId }] },
    {
      scheduler: time,
      logger: SILENT,
      jitter: () => 0.5,
      isPresent: (peerId) => present.has(peerId),
      dialFailed: () => {
        counts.failures++;
      },
      dial: (peer) => {
        expect(peer).toBe(PEER);
        dialledAtMs.push(time.now() - startMs);
        return dial();
      },
    },
  );
  return { time, dialledAtMs, present, counts, redial };
}

const FAIL = () => Promise.reject(new Error("refused"));

describe("redialling", () => {
  it("tries quickly at first, then ever more slowly up to some seconds", async () => {
    const { time, dialledAtMs, redial, counts } = setUp("a", FAIL);
    redial.start();
    await time.pass(60_000);
    const gaps = dialledAtMs.slice(1).map((at, i) => at - dialledAtMs[i]!);
    expect(dialledAtMs[0]).toBe(0);
    expect(gaps[0]).toBe(120);
    expect(gaps[1]).toBeLessThan(200);
    expect(gaps.at(-1)).toBe(5_000);
    expect(gaps.every((gap, i) => i === 0 || gap >= gaps[i - 1]!)).toBe(true);
    expect(counts.failures).toBe(dialledAtMs.length);
    redial.stop();
    expect(time.pending).toBe(0);
  });

  it("dials exactly those that it is told to, from one moment to the next", async () => {
    const { time, dialledAtMs, redial } = setUp("a", FAIL);
    redial.start();
    await time.pass(10);
    redial.setPeers([]);
    const before = dialledAtMs.length;
    await time.pass(20_000);
    expect(dialledAtMs).toHaveLength(before);
    expect(time.pending).toBe(0);
    redial.setPeers([PEER]);
    await time.pass(1);
    expect(dialledAtMs).toHaveLength(before + 1);
    redial.setPeers([PEER]);
    await time.pass(1);
    expect(dialledAtMs).toHaveLength(before + 1);
    redial.stop();
    expect(time.pending).toBe(0);
  });

  it("lets the peer with the smaller id go first", async () => {
    const { time, dialledAtMs, redial } = setUp("z", FAIL);
    redial.start();
    await time.pass(400);
    expect(dialledAtMs[0]).toBe(250);
    redial.stop();
  });

  it("is quiet while the peer is there and quick again when it leaves after a steady connection", async () => {
    const { time, dialledAtMs, present, redial } = setUp("a", async () => undefined);
    redial.start();
    await time.pass(0);
    present.add("m");
    redial.connected("m");
    await time.pass(60_000);
    expect(dialledAtMs.length).toBe(1);
    present.delete("m");
    redial.disconnected("m");
    await time.pass(150);
    expect(dialledAtMs.length).toBe(2);
    redial.stop();
  });

  it("slows down for a peer that drops every connection at once", async () => {
    const { time, dialledAtMs, redial } = setUp("a", async () => {
      redial.connected("m");
      redial.disconnected("m");
    });
    redial.start();
    await time.pass(30_000);
    expect(dialledAtMs.length).toBeLessThan(20);
    redial.stop();
  });

  it("does not dial a held peer, and dials it at once when it is released", async () => {
    const { time, dialledAtMs, redial } = setUp("a", FAIL);
    redial.hold(new Set(["m"]));
    redial.start();
    await time.pass(10_000);
    expect(dialledAtMs).toEqual([]);
    redial.hold(new Set());
    await time.pass(0);
    expect(dialledAtMs).toEqual([10_000]);
    await time.pass(30_000);
    const before = dialledAtMs.length;
    redial.hold(new Set(["m"]));
    redial.disconnected("m");
    redial.refused("m");
    await time.pass(60_000);
    expect(dialledAtMs.length).toBe(before);
    redial.stop();
    expect(time.pending).toBe(0);
  });

  it("waits half a minute after a refused handshake", async () => {
    const { time, dialledAtMs, redial } = setUp("a", async () => redial.refused("m"));
    redial.start();
    await time.pass(95_000);
    expect(dialledAtMs).toEqual([0, 30_000, 60_000, 90_000]);
    redial.stop();
  });
});
