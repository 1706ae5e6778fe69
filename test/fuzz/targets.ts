/** Every fuzz target. A new entry for input from outside belongs here (docs/fuzzing.md). */
import { CONSENSUS_TARGETS } from "./consensus-targets.ts";
import { HOME_TARGETS } from "./home-targets.ts";
import { LEDGER_TARGETS } from "./ledger-targets.ts";
import { RECEIPT_TARGETS } from "./receipt-targets.ts";
import { REPLICA_TARGETS } from "./replica-targets.ts";
import { RPC_TARGETS } from "./rpc-targets.ts";
import { SIGNER_TARGETS } from "./signer-targets.ts";
import { SNAPSHOT_TARGETS } from "./snapshot-targets.ts";
import type { FuzzTarget } from "./target.ts";
import { WIRE_TARGETS } from "./wire-targets.ts";

export const FUZZ_TARGETS: readonly FuzzTarget[] = [
  ...WIRE_TARGETS,
  ...CONSENSUS_TARGETS,
  ...RPC_TARGETS,
  ...HOME_TARGETS,
  ...LEDGER_TARGETS,
  ...SNAPSHOT_TARGETS,
  ...RECEIPT_TARGETS,
  ...REPLICA_TARGETS,
  ...SIGNER_TARGETS,
];
