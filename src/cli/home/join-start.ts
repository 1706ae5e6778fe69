/** Whether a newcomer begins with a snapshot or with all blocks, where nobody has said it (docs/adr/0046-01). */
import type { Client } from "../../sdk/client.ts";

/** From this height on a newcomer begins with a snapshot: the interval at which nodes make them by default. */
export const JOIN_SNAPSHOT_ABOVE = 10_000;

/** What the node that invited says of itself, unverified. */
export interface InviterStanding {
  readonly height: number;
  /** The lowest block that it has whole. */
  readonly lowestBody: number;
}

/** How long the chain is, or undefined where the node does not say it: nothing depends on that but time. */
export async function standingOf(client: Client): Promise<InviterStanding | undefined> {
  try {
    const { height, storage } = await client.call("node_status");
    return { height, lowestBody: storage.lowestBody };
  } catch {
    return undefined;
  }
}

/**
 * The value of snapshots.join_above for a newcomer: the least height of a snapshot with which it begins, 0 for all blocks. A node that has pruned the first
 * blocks cannot give them, whatever the height.
 * @param asked what the command line says, which is kept for the next start
 */
export function joinAboveFor(standing: InviterStanding | undefined, asked?: string): number {
  if (asked !== undefined) return /^\d{1,10}$/.test(asked) ? Number(asked) : 0;
  if (standing === undefined) return 0;
  if (standing.lowestBody > 1) return 1;
  return standing.height >= JOIN_SNAPSHOT_ABOVE ? JOIN_SNAPSHOT_ABOVE : 0;
}
