/**
 * Which loads a fault about packets means: by kind, view and height, read from the bytes themselves at the offsets of
 * docs/protocol.md, so that no decoder of the program is believed.
 */
import { MAIL_BLOCK, namesEpoch } from "../../node/ingress/packet.ts";
import { Cursor } from "./checkers/raw-bytes.ts";
import { MESSAGE_TYPES, type NetworkFault } from "./schedule.ts";

/** Mail, or what else a fault can be about. */
export type LoadedMessage = Uint8Array | "announcement" | "request";

/** The offsets of the view and the height of a vote: packet kind, version, type, epoch u64 stand before them. */
const VIEW_AT = 11;
const HEIGHT_AT = 19;

/** Judges by what stands in a packet, at the offsets of docs/protocol.md ("Mail", "Consensus messages"). */
export function isMeant(
  { types, views, heights }: Extract<NetworkFault, { kind: "letters" }>,
  load: LoadedMessage | undefined,
): boolean {
  if (load === undefined) return false;
  const isPacket = typeof load !== "string";
  const type = isPacket ? packetType(load) : MESSAGE_TYPES[load];
  if (!types.some((name) => MESSAGE_TYPES[name] === type)) return false;
  const at = (start: number) => (isPacket ? Number(new Cursor(load, start).u64()) : -1);
  if (views !== undefined && !views.includes(at(VIEW_AT))) return false;
  return heights === undefined || heights.includes(at(HEIGHT_AT));
}

/** The type of a packet as MESSAGE_TYPES names it, or undefined when it is none of them. */
function packetType(packet: Uint8Array): number | undefined {
  if (packet[0] === MAIL_BLOCK) return MESSAGE_TYPES["sealed-block"];
  return namesEpoch(packet[0] ?? 0) ? packet[2] : undefined;
}
