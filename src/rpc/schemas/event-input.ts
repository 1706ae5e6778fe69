/**
 * What callers say of events: where to begin (a height, or cursors), and which they want. Bounds of a stream's batches
 * and of what it sends ahead of its reader. The form of a cursor: chain/types/event-cursor.ts.
 */
import { z } from "zod";
import { type EventCursor, formatCursor, parseCursor } from "../../chain/types/event-cursor.ts";
import { blockHash, count } from "./answer-fields.ts";
import { addressInput, countInput, heightInput } from "./input.ts";

/** Cursors that a reader may offer: it goes on behind the first of them that is known. */
const EVENT_CURSORS_MAX = 32;
/** Items of one notification of a stream. */
const EVENT_BATCH_MAX = 1_000;
/** Notifications of a stream that are on their way and not acknowledged. */
const EVENT_WINDOW_MAX = 1_000;
const FIELDS_MAX = 8;
const NAME_LENGTH_MAX = 64;
const CURSOR_LENGTH_MAX = 100;

const cursorObject = z.strictObject({
  height: z.int().nonnegative(),
  index: z.int().nonnegative(),
  blockHash: z.string().max(66),
});
const cursorForm = z.union([z.string().max(CURSOR_LENGTH_MAX), cursorObject]);

/** Where a reader begins: with the block at a height, or behind a cursor. */
export type EventsFrom = { readonly height: bigint } | { readonly cursors: readonly EventCursor[] };

const EXPECTED =
  'a height, a cursor ({"height", "index", "blockHash"} or its text height:index:blockHash), or a list of cursors, the newest first';

export const fromInput = z
  .union([z.number(), cursorForm, z.array(cursorForm).min(1).max(EVENT_CURSORS_MAX)], `expected ${EXPECTED}`)
  .meta({ description: EXPECTED })
  .transform((value, context): EventsFrom => {
    if (typeof value === "number" || (typeof value === "string" && !value.includes(":"))) {
      const height = heightInput.safeParse(value);
      if (height.success) return { height: height.data };
    } else {
      const given = Array.isArray(value) ? value : [value];
      const cursors = given.map((one) => parseCursor(typeof one === "string" ? one : formatCursor(one)));
      if (!cursors.includes(undefined)) return { cursors: cursors.filter((one) => one !== undefined) };
    }
    context.issues.push({ code: "custom", message: `expected ${EXPECTED}`, input: value });
    return z.NEVER;
  });

export const cursorResult = z
  .strictObject({ height: count, index: count, blockHash })
  .meta({ description: "the place of an event; as text height:index:blockHash" });

const scalar = z.union([z.string().max(1_000), z.number(), z.boolean(), z.null()]);
const name = z.string().min(1).max(NAME_LENGTH_MAX);

/** Which events of modules are wanted. Without any of it all are. */
export const eventFilterShape = {
  module: name.optional().meta({ description: "the module's name, such as bank" }),
  event: name.optional().meta({ description: "the event's name in its module, such as transferred" }),
  fields: z
    .record(name, scalar)
    .refine((fields) => Object.keys(fields).length <= FIELDS_MAX, `at most ${FIELDS_MAX} fields`)
    .optional()
    .meta({ description: "values that fields of the event must have, as they are shown" }),
} as const;

export const accountFilter = addressInput.meta({
  description: "transactions that this account sent, or is named in",
});
export const batchInput = countInput(1, EVENT_BATCH_MAX);
export const windowInput = countInput(1, EVENT_WINDOW_MAX);
