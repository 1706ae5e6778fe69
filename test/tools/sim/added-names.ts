/** The adversaries that widen.ts adds to those that generate.ts draws from. */
import type { AdversaryName } from "../../../src/tools/sim/schedule.ts";

export const ADDED_NAMES: readonly AdversaryName[] = [
  "lie-links",
  "lie-o",
  "undercut",
  "trickle",
  "false-proofs",
  "view-flood",
  "false-checkpoints",
  "false-proposals",
  "false-gossip",
  "overload",
];
