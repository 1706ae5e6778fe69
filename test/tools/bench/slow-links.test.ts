/** Slow connections on loopback: everything arrives in its order, and not before its time. */
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { afterEach, expect, it } from "vitest";
import { SlowLinks } from "../../../src/tools/bench/slow-links.ts";

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

/** What a client gets back that sends these over slow links to a server which sends back what it gets. */
async function echoed(bytes: Buffer, quality: { readonly delayMs: number; readonly loss: number }) {
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    socket.pipe(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const links = await SlowLinks.open([(server.address() as AddressInfo).port], quality);
  closing.push(
    () => links.close(),
    () => server.close(),
    () => {
      for (const socket of sockets) socket.destroy();
    },
  );
  const startMs = performance.now();
  const client = connect(links.ports[0]!, "127.0.0.1");
  closing.push(() => client.destroy());
  const received: Buffer[] = [];
  client.on("data", (piece) => received.push(piece));
  client.end(bytes);
  await new Promise((resolve) => client.once("end", resolve));
  return { bytes: Buffer.concat(received), tookMs: performance.now() - startMs };
}

const bytes = Buffer.from(Array.from({ length: 300_000 }, (_, i) => (i * i) % 251));

it("slow links pass on everything in its order, after the delay of both directions", async () => {
  const { bytes: back, tookMs } = await echoed(bytes, { delayMs: 15, loss: 0 });
  expect(back.equals(bytes)).toBe(true);
  expect(tookMs).toBeGreaterThanOrEqual(29);
});

it("slow links hold up what stands behind a lost segment, and lose nothing for good", async () => {
  const { bytes: back, tookMs } = await echoed(bytes.subarray(0, 5_000), { delayMs: 0, loss: 1 });
  expect(back.equals(bytes.subarray(0, 5_000))).toBe(true);
  expect(tookMs).toBeGreaterThanOrEqual(399);
});
