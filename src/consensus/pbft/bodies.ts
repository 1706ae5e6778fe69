/**
 * Bodies that are known by their digest only: of a block that a quorum committed, or that a NEW-VIEW carries over.
 * Whoever signed for it had promised to hold it (a PREPARE is that promise), so the signers of the certificate are
 * asked, one after the other, a bounded number at once.
 * Source: pbft.md 1.5 (A5, last sentence), 1.9 ("Digest without body").
 */
import { equalBytes, type Hash, hex } from "../../base/bytes.ts";
import { FETCHES_PER_INTERVAL_MAX } from "../../base/limits.ts";
import type { ValidatorId } from "../engine.ts";
import type { Core, MissingBody } from "./core.ts";
import type { BlockData, Fetch } from "./message-verifier.ts";
import type { Signing } from "./signed-messages.ts";

/** Asks for a body, once; {@link fetchAgain} repeats it. */
export function* needBody(core: Core, height: bigint, hash: Hash, signers: readonly ValidatorId[]): Signing {
  const key = hex(hash);
  if (core.missing.has(key) || core.missing.size >= core.options.parameters.logWindow) return;
  const missing = { height, hash, signers: signers.filter((signer) => signer !== core.self), attempt: 0 };
  core.missing.set(key, missing);
  if (core.missing.size <= FETCHES_PER_INTERVAL_MAX) yield* ask(core, missing);
}

/** Asks, at each tick, the next signer of each body that is still missing, the lowest heights first. */
export function* fetchAgain(core: Core): Signing {
  const missing = [...core.missing.values()].sort((a, b) => (a.height < b.height ? -1 : 1));
  for (const each of missing.slice(0, FETCHES_PER_INTERVAL_MAX)) {
    each.attempt++;
    yield* ask(core, each);
  }
}

function* ask(core: Core, { hash, signers, attempt }: MissingBody): Signing {
  const asked = signers[attempt % signers.length];
  if (asked === undefined) return;
  core.send(asked, yield* core.sign({ type: "fetch", from: core.self, epoch: core.epoch, hash }));
}

export function receiveBlock(core: Core, { block, blockBytes, hash }: BlockData): void {
  const missing = core.missing.get(hex(hash));
  if (missing === undefined) return;
  core.missing.delete(hex(hash));
  core.slots.at(missing.height).keepBody({ block, blockBytes });
}

/** What is committed or below the window is not asked for any more. */
export function forgetMissing(core: Core, height: bigint): void {
  for (const [key, missing] of core.missing) if (missing.height <= height) core.missing.delete(key);
}

/** Answers with the body, if it is held: it is until a stable checkpoint covers it. */
export function* receiveFetch(core: Core, { from, hash }: Fetch): Signing {
  core.fetches.add(from);
  const body = core.slots
    .all()
    .map((slot) => slot.body(hash))
    .find((held) => held !== undefined);
  if (body === undefined || !equalBytes(body.block.hash, hash)) return;
  const { block, blockBytes } = body;
  core.send(
    from,
    yield* core.sign({ type: "block", from: core.self, epoch: core.epoch, hash }, { block, blockBytes }),
  );
}
