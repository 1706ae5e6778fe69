/**
 * The guards around yamux, over connections in memory and over loopback. What the library does without them is tried
 * beside it, so that a guard that became needless is noticed.
 */
import type { Stream, StreamMuxer, StreamMuxerFactory } from "@libp2p/interface";
import { multiaddrConnectionPair } from "@libp2p/utils";
import { yamux } from "@libp2p/yamux";
import { multiaddr } from "@multiformats/multiaddr";
import { describe, expect, it } from "vitest";
import {
  type GuardedMuxers,
  guardedYamux,
  MUXER_CONTROL_FRAMES,
  MUXER_STREAMS_OPENED,
  MUXER_WINDOW_BYTES_MAX,
} from "../../../src/p2p/transport/guarded-muxer.ts";
import { createHost, startHost } from "../../../src/p2p/transport/host.ts";
import { identityFromSeed } from "../../../src/p2p/transport/identity.ts";
import { HeldBytes } from "../../../src/p2p/transport/peer-held-bytes.ts";
import { seedOf, until } from "../testnet.ts";

interface Inside {
  readonly decoder: { readonly buffer: { readonly byteLength: number } };
  readonly maConn: { send(bytes: Uint8Array): boolean };
  readonly status: string;
}

const DATA = 0;
const WINDOW_UPDATE = 1;
const PING = 2;
const SYN = 1;

function frame(type: number, flag: number, streamId: number, length: number): Uint8Array {
  const bytes = new Uint8Array(12);
  const view = new DataView(bytes.buffer);
  view.setUint8(1, type);
  view.setUint16(2, flag);
  view.setUint32(4, streamId);
  view.setUint32(8, length);
  return bytes;
}

function manyFrames(count: number, make: (index: number) => Uint8Array): Uint8Array {
  const bytes = new Uint8Array(12 * count);
  for (let i = 0; i < count; i++) bytes.set(make(i), 12 * i);
  return bytes;
}

interface Setup {
  readonly perPeer?: number;
  readonly altogether?: number;
}

function guarded({ perPeer = 1e9, altogether = 1e9 }: Setup = {}) {
  const rejected: string[] = [];
  const failures: string[] = [];
  const held = new HeldBytes({ perPeer, altogether });
  const muxers = guardedYamux({
    held,
    now: () => 0,
    rejected: (reason) => rejected.push(reason),
    libraryFailed: ({ message }) => failures.push(message),
  });
  return { rejected, failures, held, muxers };
}

/** A muxer here, and a hand on the other end of its connection that may send what it wants. */
function connect(factory: StreamMuxerFactory) {
  const [outbound, inbound] = multiaddrConnectionPair();
  outbound.addEventListener("message", () => undefined);
  const muxer = factory.createStreamMuxer(inbound);
  const streams: unknown[] = [];
  muxer.addEventListener("stream", ({ detail }) => streams.push(detail));
  return { muxer, outbound, inbound, streams, inside: muxer as unknown as Inside };
}

function connectGuarded(muxers: GuardedMuxers, peerId = "peer") {
  const parts = connect(muxers.factory());
  muxers.connected({ muxer: parts.muxer as StreamMuxer }, peerId);
  return parts;
}

const FOUR_GIB = 2 ** 32 - 1;

describe("a data frame that is longer than its stream's window", () => {
  it("is kept as far as it comes by the library alone", async () => {
    const { outbound, inside } = connect(yamux()() as unknown as StreamMuxerFactory);
    outbound.send(frame(DATA, SYN, 1, FOUR_GIB));
    outbound.send(new Uint8Array(3 * MUXER_WINDOW_BYTES_MAX));
    await until(() => inside.decoder.buffer.byteLength > 2 * MUXER_WINDOW_BYTES_MAX, "kept");
    outbound.abort(new Error("the end"));
  });

  it("is refused by its header, whether its stream is new, known or closed", async () => {
    for (const send of [
      [frame(DATA, SYN, 1, 256 * 1024 + 1)],
      [frame(WINDOW_UPDATE, SYN, 1, 0), frame(DATA, 0, 1, 256 * 1024 + 1)],
      [frame(DATA, 0, 7, MUXER_WINDOW_BYTES_MAX + 1)],
    ]) {
      const { muxers, rejected } = guarded();
      const { outbound, inbound } = connectGuarded(muxers);
      for (const bytes of send) outbound.send(bytes);
      await until(() => inbound.status === "aborted", "the connection ends");
      expect(rejected).toEqual(["muxer-frame"]);
    }
  });

  it("is taken when it fits exactly", async () => {
    const { muxers, held } = guarded();
    const { outbound, inbound, streams } = connectGuarded(muxers);
    outbound.send(frame(DATA, SYN, 1, 256 * 1024));
    outbound.send(new Uint8Array(256 * 1024));
    await until(() => streams.length === 1 && held.total >= 256 * 1024, "the stream holds it");
    expect(inbound.status).toBe("open");
    outbound.abort(new Error("the end"));
  });
});

describe("what one peer makes libp2p hold", () => {
  const window = 256 * 1024;

  it("is counted over all its connections, which are closed beyond the bound", async () => {
    const { muxers, rejected, held } = guarded({ perPeer: 2.5 * window });
    const all = [0, 1, 2].map(() => connectGuarded(muxers));
    for (const { outbound } of all) {
      outbound.send(frame(DATA, SYN, 1, window));
      outbound.send(new Uint8Array(window - 1));
    }
    await until(() => all.every(({ inbound }) => inbound.status !== "open"), "all its connections end");
    expect(rejected).toContain("memory");
    await until(() => held.total === 0, "nothing is held any more");
  });

  it("closes whoever holds the most when all together hold too much", async () => {
    const { muxers } = guarded({ altogether: 2.5 * window });
    const greedy = connectGuarded(muxers, "greedy");
    for (const id of [1, 3]) {
      greedy.outbound.send(frame(DATA, SYN, id, window));
      greedy.outbound.send(new Uint8Array(window));
    }
    const modest = connectGuarded(muxers, "modest");
    modest.outbound.send(frame(DATA, SYN, 1, window));
    modest.outbound.send(new Uint8Array(window));
    await until(() => greedy.inbound.status !== "open", "the greedy one is closed");
    expect(modest.inbound.status).toBe("open");
    modest.outbound.abort(new Error("the end"));
  });

  it("counts the frames whose end their readers await, on all streams together", async () => {
    const { muxers, rejected, held } = guarded({ perPeer: 1.5 * window });
    const { outbound, inbound, streams } = connectGuarded(muxers);
    const announced = Uint8Array.of(0x80, 0x80, 0x80, 0x02); // 4 MiB
    for (const [index, id] of [1, 3].entries()) {
      outbound.send(frame(WINDOW_UPDATE, SYN, id, 0));
      await until(() => streams.length === index + 1, "the stream is there");
      const stream = streams[index] as Stream;
      stream.protocol = "/quorate/mail/1";
      stream.addEventListener("message", () => undefined); // a reader that takes all
      outbound.send(frame(DATA, 0, id, window));
      const bytes = new Uint8Array(window);
      bytes.set(announced);
      outbound.send(bytes);
      if (index > 0) continue;
      await until(() => held.total >= window - announced.length, "its reader holds it");
      expect(stream.readBufferLength).toBe(0);
    }
    await until(() => inbound.status !== "open", "the connection ends");
    expect(rejected).toEqual(["memory"]);
  });

  it("costs more than its bytes when it comes byte by byte", async () => {
    const { muxers, rejected } = guarded({ perPeer: 100_000 });
    const { outbound, inbound } = connectGuarded(muxers);
    outbound.send(frame(WINDOW_UPDATE, SYN, 1, 0));
    for (let i = 0; i < 1_000; i++) {
      const bytes = new Uint8Array(13);
      bytes.set(frame(DATA, 0, 1, 1));
      outbound.send(bytes);
    }
    await until(() => inbound.status !== "open", "the connection ends");
    expect(rejected).toEqual(["memory"]);
  });
});

describe("frames that cost their sender nothing", () => {
  it("are taken up to a number: pings", async () => {
    const { muxers, rejected } = guarded();
    const { outbound, inbound } = connectGuarded(muxers);
    outbound.send(manyFrames(MUXER_CONTROL_FRAMES.capacity, (i) => frame(PING, SYN, 0, i)));
    await new Promise((resolve) => setTimeout(resolve, 10));
    expect(inbound.status).toBe("open");
    outbound.send(manyFrames(1, () => frame(PING, SYN, 0, 0)));
    await until(() => inbound.status !== "open", "the connection ends");
    expect(rejected).toEqual(["muxer-flood"]);
  });

  it("are taken up to a number: streams opened and reset at once", async () => {
    const { muxers, rejected } = guarded();
    const { outbound, inbound } = connectGuarded(muxers);
    const RST = 8;
    outbound.send(
      manyFrames(MUXER_STREAMS_OPENED.capacity + 1, (i) => frame(WINDOW_UPDATE, SYN | RST, 1 + 2 * i, 0)),
    );
    await until(() => inbound.status !== "open", "the connection ends");
    expect(rejected).toEqual(["muxer-flood"]);
  });
});

describe("what the library throws where nobody catches it", () => {
  it("ends the connection and not the process: a new stream's first window update", async () => {
    const { muxers, failures } = guarded();
    const [, inbound] = multiaddrConnectionPair();
    // It ended between its encryption and its muxer, which hears nothing of an end that is past.
    inbound.abort(new Error("gone"));
    await muxers.factory().createStreamMuxer(inbound).createStream();
    await new Promise((resolve) => setImmediate(resolve));
    expect(failures).toEqual(["Cannot write to a stream that is closed"]);
  });

  it("ends the connection and not the process: a paused stream that is read on after its end", async () => {
    const { muxers, failures } = guarded();
    const { outbound, inbound, streams } = connectGuarded(muxers);
    outbound.send(frame(WINDOW_UPDATE, SYN, 1, 0));
    await until(() => streams.length === 1, "the stream is there");
    const stream = streams[0] as Stream;
    stream.addEventListener("message", () => undefined);
    stream.pause();
    // More than half of its window, so that there is an update to be sent.
    const bytes = 200_000;
    outbound.send(frame(DATA, 0, 1, bytes));
    outbound.send(new Uint8Array(bytes));
    await until(() => stream.readBufferLength === bytes, "unread");
    inbound.abort(new Error("gone"));
    stream.resume();
    expect(failures).toEqual(["Cannot write to a stream that is closed"]);
  });

  it("ends the connection and not the process: a ping on a connection that is closing", async () => {
    const { muxers, failures } = guarded();
    const { inbound } = connectGuarded(muxers);
    Object.assign(inbound, { writeStatus: "closing" });
    inbound.dispatchEvent(Object.assign(new Event("message"), { data: frame(PING, SYN, 0, 1) }));
    await new Promise((resolve) => setImmediate(resolve));
    expect(failures).toEqual(["Cannot write to a stream that is closing"]);
    expect(inbound.status).toBe("aborted");
  });
});

describe("a node on loopback", () => {
  it("closes a peer that claims a frame of 4 GiB", async () => {
    const listen = "/ip4/127.0.0.1/tcp/0";
    const rejected: string[] = [];
    const create = (seed: number) =>
      createHost({
        identity: identityFromSeed(seedOf(seed)),
        listen,
        gater: {},
        topics: [],
        rejected: (reason) => rejected.push(reason),
      });
    const [node, stranger] = await Promise.all([create(0), create(1)]);
    try {
      await startHost(node, listen);
      await startHost(stranger, listen);
      const connection = await stranger.dial(multiaddr(node.getMultiaddrs()[0]!.toString()));
      const { muxer } = connection as unknown as { readonly muxer: Inside };
      muxer.maConn.send(frame(DATA, SYN, 99_999, FOUR_GIB));
      await until(() => connection.status !== "open", "the connection is closed");
      expect(rejected).toContain("muxer-frame");
    } finally {
      await Promise.all([node.stop(), stranger.stop()]);
    }
  });
});
