/** What a validator says of its own seat when an epoch begins. */
import { expect, it } from "vitest";
import { asAddress } from "../../../src/base/bytes.ts";
import { sayMembership } from "../../../src/node/votes/epoch-standing.ts";

const key = (fill: number) => asAddress(new Uint8Array(32).fill(fill));

it.each([
  ["a new epoch has begun", "info", { before: 0, self: 0 }, undefined],
  ["a validator from now on", "info", { before: undefined, self: 0 }, undefined],
  [
    "no validator any more: this node goes on as a full node",
    "warn",
    { before: 0, self: undefined },
    undefined,
  ],
  ["no validator any more: this node goes on as a full node", "warn", { before: 0, self: undefined }, key(3)],
  ["this validator takes its new key", "info", { before: 0, self: undefined }, key(2)],
])("an epoch begins: %s (%s)", (words, level, seats, waiting) => {
  const said: unknown[] = [];
  const ports = {
    log: { log: (...line: readonly unknown[]) => void said.push(line) },
    chain: { head: { summary: { height: 64n } } },
    seats: { validators: { members: [{ publicKey: key(2) }] } },
  };
  const options = { signer: { publicKey: key(1) }, waitingKey: () => waiting };
  sayMembership(ports as never, options as never, { epoch: 2n, ...seats });
  expect(said).toEqual([[level, "pbft", words, expect.objectContaining({ epoch: 2n, height: 64n })]]);
  // A full node has no seat to speak of.
  sayMembership(ports as never, { ...options, signer: undefined } as never, { epoch: 3n, ...seats });
  expect(said).toHaveLength(1);
});
