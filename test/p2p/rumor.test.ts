/** When rumors leave: alone at once, in a row together, and whatever the clock does. */
import { expect, it } from "vitest";
import { asHash } from "../../src/base/bytes.ts";
import { SILENT } from "../../src/base/log.ts";
import type { Host } from "../../src/p2p/host.ts";
import { Meter } from "../../src/p2p/meter.ts";
import { Rumor } from "../../src/p2p/rumor.ts";
import type { Sessions } from "../../src/p2p/sessions.ts";
import { VirtualTime } from "./virtualtime.ts";

function world() {
  const time = new VirtualTime();
  const published: number[] = [];
  const gossip = {
    publish: async () => {
      published.push(time.now());
      return { recipients: [] };
    },
  };
  const rumor = new Rumor(asHash(new Uint8Array(32)), {
    host: { services: { gossip } } as unknown as Host,
    sessions: {} as Sessions,
    scheduler: time,
    logger: SILENT,
    meter: new Meter(),
    rumorReceived: async () => "ignore",
  });
  return { time, rumor, published };
}

it("lets a transaction go soon although the clock was set back by an hour", async () => {
  const { time, rumor, published } = world();
  rumor.publish("transactions", Uint8Array.of(1));
  await time.pass(10);
  const now = time.now.bind(time);
  time.now = () => now() - 3_600_000;
  rumor.publish("transactions", Uint8Array.of(2));
  await time.pass(10);
  expect(published).toHaveLength(2);
});
