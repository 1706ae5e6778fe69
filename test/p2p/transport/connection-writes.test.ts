/** How few writes a connection needs, over real sockets on loopback and at the rule's own edges. */
import { Socket } from "node:net";
import type { Stream } from "@libp2p/interface";
import { multiaddr } from "@multiformats/multiaddr";
import { afterEach, describe, expect, it } from "vitest";
import { needsWindowUpdate, writeOnceATurn } from "../../../src/p2p/transport/connection-writes.ts";
import { createHost, type Host, startHost } from "../../../src/p2p/transport/host.ts";
import { identityFromSeed } from "../../../src/p2p/transport/identity.ts";
import { seedOf, until } from "../testnet.ts";

const ESTABLISHED = 3;

describe("a window update", () => {
  const window = (recvWindowCapacity: number, state = ESTABLISHED) => ({
    state,
    recvWindow: 1_000,
    recvWindowCapacity,
  });

  it("is sent when half of the window is used, and not before", () => {
    expect(needsWindowUpdate(window(501))).toBe(false);
    expect(needsWindowUpdate(window(500))).toBe(true);
    expect(needsWindowUpdate(window(0))).toBe(true);
  });

  it("is sent whatever is used by whoever opens a stream, or accepts one", () => {
    for (const state of [0, 2, 4, 5]) expect(needsWindowUpdate(window(1_000, state))).toBe(true);
  });
});

describe("the writes of one turn", () => {
  it("leave together when its code has ended, and those of the next turn by themselves", async () => {
    const seen: string[] = [];
    const connection = {
      socket: { cork: () => seen.push("cork"), uncork: () => seen.push("uncork") },
      sendData: (data: unknown) => seen.push(String(data)),
    };
    writeOnceATurn(connection);
    connection.sendData("a");
    connection.sendData("b");
    expect(seen).toEqual(["cork", "a", "b"]);
    await new Promise((resolve) => setImmediate(resolve));
    connection.sendData("c");
    await new Promise((resolve) => setImmediate(resolve));
    expect(seen).toEqual(["cork", "a", "b", "uncork", "cork", "c", "uncork"]);
  });

  it("are as they were where there is no socket", () => {
    const connection = { sendData: () => "sent" };
    writeOnceATurn(connection);
    expect(connection.sendData()).toBe("sent");
  });
});

describe("a connection between two hosts", () => {
  const hosts: Host[] = [];
  afterEach(async () => {
    for (const host of hosts.splice(0)) await host.stop();
  });

  async function host(seed: number): Promise<Host> {
    const identity = identityFromSeed(seedOf(seed));
    const made = await createHost({ identity, listen: "/ip4/127.0.0.1/tcp/0", gater: {}, topics: [] });
    await startHost(made, "/ip4/127.0.0.1/tcp/0");
    hosts.push(made);
    return made;
  }

  /** Calls that go down to the operating system, by the sockets of both sides. */
  function countWrites() {
    const prototype = Socket.prototype as unknown as { _writeGeneric(...args: unknown[]): void };
    const original = prototype._writeGeneric;
    let count = 0;
    prototype._writeGeneric = function (...args) {
      count++;
      return original.apply(this, args);
    };
    return {
      get count() {
        return count;
      },
      restore: () => {
        prototype._writeGeneric = original;
      },
    };
  }

  /** The libraries say by an exception that nothing more is there to be read. */
  function countRangeErrors() {
    const original = globalThis.RangeError;
    let count = 0;
    function Counting(...args: unknown[]) {
      count++;
      return Reflect.construct(original, args);
    }
    Counting.prototype = original.prototype;
    globalThis.RangeError = Counting as unknown as RangeErrorConstructor;
    return {
      get count() {
        return count;
      },
      restore: () => {
        globalThis.RangeError = original;
      },
    };
  }

  it("carries a short message in one write and without an exception and answers none, and a megabyte in both directions whole", async () => {
    const [left, right] = [await host(0), await host(1)];
    let received = 0;
    let accepted: Stream | undefined;
    await right.handle("/test", (stream) => {
      accepted = stream;
      stream.addEventListener("message", ({ data }) => {
        received += data.byteLength;
      });
    });
    const address = right.getMultiaddrs()[0]!;
    const stream = await left.dialProtocol(multiaddr(address.toString()), "/test");
    let back = 0;
    stream.addEventListener("message", ({ data }) => {
      back += data.byteLength;
    });
    stream.send(new Uint8Array(100));
    await until(() => received === 100, "the first message");
    const writes = countWrites();
    const exceptions = countRangeErrors();
    try {
      for (let i = 2; i <= 21; i++) {
        stream.send(new Uint8Array(100));
        await until(() => received === 100 * i, "a message");
      }
      // Twenty messages; what identify and ping say meanwhile comes on top. Each took four writes, and four the answer.
      expect(writes.count).toBeGreaterThanOrEqual(20);
      expect(writes.count).toBeLessThan(60);
      expect(exceptions.count).toBe(0);
    } finally {
      exceptions.restore();
      writes.restore();
    }
    const megabyte = new Uint8Array(1024 * 1024);
    stream.send(megabyte);
    accepted?.send(megabyte);
    await until(
      () => received === 2_100 + megabyte.length && back === megabyte.length,
      "a megabyte each way",
    );
  });
});
