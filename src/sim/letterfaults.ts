/**
 * Which loads a fault about letters means: by kind, view and height, read from the bytes themselves at the offsets of
 * docs/protocol.md, so that no decoder of the program is believed.
 */
import { MAIL_BLOCK, MAIL_CONSENSUS } from "../node/letters.ts";
import { Cursor } from "./checkers/rawbytes.ts";
import { LETTER_TYPES, type NetworkFault } from "./schedule.ts";

/** Mail, or what else a fault can be about. */
export type Load = Uint8Array | "announcement" | "request";

/** Where the view and the height of a vote lie: letter kind, version, type, epoch u64 before them. */
const VIEW_AT = 11;
const HEIGHT_AT = 19;

/** By what stands in a letter, at the offsets of docs/protocol.md ("Mail", "Consensus messages"). */
export function isMeant(
  { types, views, heights }: Extract<NetworkFault, { kind: "letters" }>,
  load: Load | undefined,
): boolean {
  if (load === undefined) return false;
  const isLetter = typeof load !== "string";
  const type = isLetter ? letterType(load) : LETTER_TYPES[load];
  if (!types.some((name) => LETTER_TYPES[name] === type)) return false;
  const at = (start: number) => (isLetter ? Number(new Cursor(load, start).u64()) : -1);
  if (views !== undefined && !views.includes(at(VIEW_AT))) return false;
  return heights === undefined || heights.includes(at(HEIGHT_AT));
}

/** As in LETTER_TYPES; undefined: none of them. */
function letterType(letter: Uint8Array): number | undefined {
  if (letter[0] === MAIL_BLOCK) return LETTER_TYPES["sealed-block"];
  return letter[0] === MAIL_CONSENSUS ? letter[2] : undefined;
}
