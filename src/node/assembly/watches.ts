/**
 * What a replica watches besides its chain: the rules and the versions of modules that the validators vote in, which this
 * program or this home may not have; the transitions that peers stand on; and the questions of peers that are not about repair.
 */
import type { Fault } from "../../base/fault.ts";
import type { Logger } from "../../base/log.ts";
import type { Chain } from "../../chain/chain.ts";
import type { BlockHead } from "../../chain/types/block.ts";
import type { ReplicaOptions, ReplicaPorts } from "../replica-ports.ts";
import type { Voting } from "../votes/voting.ts";
import type { ModeParts } from "./mode-parts.ts";
import { ModuleVersionWatch } from "./module-version-watch.ts";
import { RulesWatch } from "./rules-watch.ts";
import { TransitionWatch } from "./transition-watch.ts";

export class Watches {
  readonly rules: RulesWatch;
  readonly modules: ModuleVersionWatch;
  readonly transitions: TransitionWatch;
  readonly #log: Logger;
  readonly #snapshots: ReplicaPorts["snapshots"];

  /** @param made what is made after this and is there when anything is watched */
  constructor(
    chain: Chain,
    ports: ReplicaPorts,
    { rulesKnown }: Pick<ReplicaOptions, "rulesKnown">,
    made: () => Pick<ModeParts, "repair"> & { readonly voting: Voting },
  ) {
    this.rules = new RulesWatch(chain, ports, rulesKnown);
    this.transitions = new TransitionWatch(chain);
    this.#log = ports.log;
    this.#snapshots = ports.snapshots;
    const arrived = () => {
      const { height } = chain.head.summary;
      const sealed = chain.sealedBlockAt(height);
      // Told once more, the head has what waited looked at again.
      if (sealed !== undefined) made().voting.headChanged({ head: sealed.block, seal: sealed.seal });
      made().repair.syncNow(height + 1n);
    };
    this.modules = new ModuleVersionWatch(chain, { ...ports, files: ports.modules, arrived });
  }

  start(): void {
    this.rules.start();
    this.modules.start();
  }

  stop(): void {
    this.rules.stop();
    this.modules.stop();
  }

  /** A block of a peer was refused. */
  refused(head: BlockHead, peerId: string, fault: Fault): void {
    const { code, detail } = fault;
    this.#log.log("warn", "chain", "block refused", { peer: peerId, fault: code, detail });
    this.transitions.refused(head, peerId, fault);
  }

  /** Answers a question that a peer asks, or returns undefined for one of repair. */
  answer(question: Uint8Array): Promise<Uint8Array> | undefined {
    return this.#snapshots?.answer(question) ?? this.modules.answer(question);
  }
}
