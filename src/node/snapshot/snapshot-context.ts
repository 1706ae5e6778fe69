/** What judging a snapshot needs, from the genesis alone. */
import { EMPTY, equalBytes, type Hash } from "../../base/bytes.ts";
import { type Fault, fault } from "../../base/fault.ts";
import { governedBy } from "../../chain/epochs.ts";
import { AcceptedSignatures } from "../../chain/execution/accepted-signatures.ts";
import { BlockExecutor } from "../../chain/execution/block-executor.ts";
import { HeaderAdmission } from "../../chain/forks/header-admission.ts";
import { HeaderPresync } from "../../chain/forks/header-presync.ts";
import type { Genesis } from "../../chain/genesis/genesis.ts";
import { computeGenesisHash, zeroBlock } from "../../chain/genesis/genesis-state.ts";
import type { ForkableRules } from "../../chain/rules.ts";
import type { SnapshotContext } from "../../chain/snapshot/snapshot-check.ts";
import type { HeaderJudge } from "../../chain/snapshot/snapshot-headers.ts";
import type { BlockHead } from "../../chain/types/block.ts";
import { selectConsensus } from "../../consensus/select.ts";

export interface SnapshotLimits {
  /** Where blocks are mined: headers that must stand on the block whose state the snapshot has, at least 1. */
  readonly depth: number;
  /** Milliseconds since the Unix epoch, by which headers are early. */
  readonly now: () => number;
  /** Breaks of trust that are accepted: ids of transitions, 0x-hex. */
  readonly accepted?: readonly string[];
}

export function snapshotContext(
  genesis: Genesis,
  { depth, now, accepted = [] }: SnapshotLimits,
): SnapshotContext {
  const genesisHash = computeGenesisHash(genesis);
  const { recentHeads, certificates, rules } = selectConsensus(genesis, genesisHash);
  if (rules.kind === "forkable") {
    const judge = () => new WorkJudge({ genesis, genesisHash, rules, now });
    const weigh = (head: BlockHead) =>
      rules.verifySeal(head, EMPTY) === undefined ? rules.weight(head.header) : undefined;
    return { genesis, genesisHash, proof: { kind: "mined", judge, weigh, depth } };
  }
  if (certificates === undefined) throw new Error("blocks that are not mined are certified");
  return { genesis, genesisHash, proof: { kind: "certified", recentHeads, certificates, accepted } };
}

interface JudgedChain extends Pick<SnapshotLimits, "now"> {
  readonly genesis: Genesis;
  readonly genesisHash: Hash;
  readonly rules: ForkableRules;
}

/** The rules by which a node takes headers, from block 1 on; kept are those that the rules look back at. */
class WorkJudge implements HeaderJudge {
  readonly #headers: HeaderPresync;

  constructor({ genesis, genesisHash, rules, now }: JudgedChain) {
    const zero = zeroBlock(genesis);
    const executor = new BlockExecutor(
      genesis,
      rules,
      new AcceptedSignatures(genesisHash),
      governedBy(genesis),
    );
    const start = { head: zero, work: rules.weight(zero.header) };
    const branch = { height: 0n, headerAt: () => zero.header };
    this.#headers = new HeaderPresync(new HeaderAdmission(0n, { executor, now }), rules, start, branch);
  }

  get work(): bigint {
    return this.#headers.work;
  }

  add(head: BlockHead): Fault | undefined {
    if (!equalBytes(head.header.previousHash, this.#headers.last))
      return fault("not-a-chain", "it does not stand on the one before");
    const refused = this.#headers.add([head]);
    if (refused === undefined) return undefined;
    if (refused.kind === "invalid") return refused.fault;
    return fault(
      "early",
      `its time lies ahead of this clock, until ${new Date(refused.notBeforeMs).toISOString()}`,
    );
  }
}
