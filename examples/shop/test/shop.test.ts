// A chain of four validators in this process, on virtual time: no ports, no files, no waiting.
import { checkDeterminism, devnet } from "quorate/testing";
import { expect, test } from "vitest";
import shop from "../src/shop.ts";

const item = `0x${"11".repeat(32)}` as const;

test("an item belongs to who entered it, until it is given away", async () => {
  const net = await devnet({ validators: 4, modules: [shop] });
  const bob = net.account("bob").address;
  const created = await net.final(net.call(shop.create, { item, label: "a house" }, { from: "alice" }));
  expect(created.status).toBe("success");
  await net.final(net.call(shop.give, { item, to: bob }, { from: "alice" }));
  expect(net.entry("shop", "items", item)).toMatchObject({ owner: bob, label: "a house" });
  await net.stop();
});

test("nobody gives away what belongs to another", async () => {
  const net = await devnet({ validators: 4, modules: [shop] });
  await net.final(net.call(shop.create, { item, label: "a house" }, { from: "alice" }));
  const to = net.account("carol").address;
  const refused = await net.final(net.call(shop.give, { item, to }, { from: "bob" }));
  expect(refused).toMatchObject({ status: "failed", fault: "SHOP_NOT_OWNER" });
  await net.stop();
});

test("every node comes to the same state, whatever its clock, its time zone and its locale", async () => {
  await checkDeterminism(
    [shop],
    [
      (net) => net.call(shop.create, { item, label: "a house" }, { from: "alice" }),
      (net) => net.call(shop.give, { item, to: net.account("bob").address }, { from: "alice" }),
    ],
  );
});
