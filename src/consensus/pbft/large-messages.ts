/**
 * What a message says in its first bytes, where it is too long to be read before somebody waits for it. Only four
 * types can be long, and each comes from whoever may send it now: a PRE-PREPARE from the primary of its view, a block
 * that was asked for, a VIEW-CHANGE that is not older than its sender's last, a NEW-VIEW for a view ahead. Asked before
 * anything is verified, so it says no more than that the rest may be read.
 * Source: docs/protocol.md, "Mail"; window.ts for the same questions about whole messages.
 */
import { asHash } from "../../base/bytes.ts";
import { VIEW_MESSAGES_PER_INTERVAL_MAX } from "../../base/limits.ts";
import { Reader } from "../../codec/reader.ts";
import type { ValidatorId } from "../engine.ts";
import type { Core } from "./core.ts";
import { messageBytesMax, WIRE_VERSION } from "./message-bytes.ts";
import { MESSAGE_TYPE, type MessageType } from "./messages.ts";
import { primaryOf } from "./quorum.ts";
import { wantsMessage } from "./window.ts";

/** version u8 | type u8 | epoch u64 | view u64 | height u64 | hash 32: what is looked at. */
const START_BYTES = 58;

/** @param start of a message of `bytes` bytes that `author` sends */
export function awaitsLarge(core: Core, author: ValidatorId, start: Uint8Array, bytes: number): boolean {
  if (start.length < START_BYTES || start[0] !== WIRE_VERSION || core.isStopped) return false;
  const reader = new Reader(start.subarray(1));
  const type = reader.u8();
  const shape = {
    n: core.quorum.n,
    logWindow: core.options.parameters.logWindow,
    limits: core.options.limits,
  };
  const fits = (name: MessageType) => bytes <= messageBytesMax(name, shape);
  const epoch = reader.u64();
  switch (type) {
    case MESSAGE_TYPE["pre-prepare"]: {
      const vote = { view: reader.u64(), height: reader.u64(), hash: asHash(reader.raw(32)) };
      const isPrimary = primaryOf(epoch, vote.view, shape.n) === author;
      return (
        isPrimary &&
        fits("pre-prepare") &&
        wantsMessage(core, { type: "pre-prepare", epoch, from: author, ...vote })
      );
    }
    case MESSAGE_TYPE.block: {
      const hash = asHash(reader.raw(32));
      return fits("block") && wantsMessage(core, { type: "block", epoch, from: author, hash });
    }
    case MESSAGE_TYPE["new-view"]: {
      const view = reader.u64();
      const from = primaryOf(epoch, view, shape.n); // whoever has it may bring it
      const body = { type: "new-view", epoch, from, view, viewChanges: [], carried: [] } as const;
      return fits("new-view") && wantsMessage(core, body);
    }
    case MESSAGE_TYPE["view-change"]:
      return epoch === core.epoch && fits("view-change") && isNewRequest(core, author, reader.u64());
    default:
      return false;
  }
}

/** Whether it differs from the one that is held is seen when it is here. */
function isNewRequest(core: Core, from: ValidatorId, view: bigint): boolean {
  if (core.head === undefined || core.viewMessages.of(from) >= VIEW_MESSAGES_PER_INTERVAL_MAX) return false;
  const held = core.viewChanges[from];
  return held === undefined || held.view <= view;
}
