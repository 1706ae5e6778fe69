/**
 * Steps of an engine as its driver takes them: to the end, with the signatures that they ask for on the way; and blocks in
 * the form in which an engine is given them.
 */
import { must } from "../base/assert.ts";
import type { Chain } from "../chain/chain.ts";
import type { BlockHead } from "../chain/types/block.ts";
import type { ConsensusEngine, Effect, Head, Input, Parsed, SealedHead } from "../consensus/engine.ts";

/**
 * Asks for a signature of this validator, which is undefined when it is refused. Rejects when nobody can be
 * asked now.
 */
export type AskSignature = (message: Uint8Array) => Promise<Uint8Array | undefined>;

/**
 * Takes the inputs in order. Where signatures are asked for, nothing else may be given to the engine until it resolves.
 * @returns all their effects in order
 */
export function takeSteps<P extends Parsed, M>(
  engine: ConsensusEngine<P, M>,
  inputs: readonly Input<M>[],
  ask: AskSignature | undefined,
): Effect<M>[] | Promise<Effect<M>[]> {
  if (ask !== undefined) return takeAsking(engine, inputs, ask);
  // Mostly one input; and a loop costs a fraction of flatMap (profiled).
  const all: Effect<M>[] = [];
  for (const input of inputs) for (const effect of engine.step(input)) all.push(effect);
  return all;
}

async function takeAsking<P extends Parsed, M>(
  engine: ConsensusEngine<P, M>,
  inputs: readonly Input<M>[],
  ask: AskSignature,
): Promise<Effect<M>[]> {
  const all: Effect<M>[] = [];
  for (const input of inputs) {
    all.push(...engine.step(input));
    for (let last = all.at(-1); last?.kind === "sign"; last = all.at(-1)) {
      all.pop();
      all.push(...engine.step({ kind: "signed", signature: await ask(last.message) }));
    }
  }
  return all;
}

/** Whether an effect is a write that must be durable before anything later leaves. */
export function isDurable(effect: { readonly kind: string }): boolean {
  return effect.kind === "journal" || effect.kind === "rotate-journal" || effect.kind === "store-checkpoint";
}

/** The newest committed blocks with their seals, ascending, without block 0 and what is not `above`; fewer where a snapshot began above. */
export function recentHeads(chain: Chain, countMax: number, above = 0n): SealedHead[] {
  const recent: SealedHead[] = [];
  const from = chain.store.firstHeight();
  const first = from > above ? from : above + 1n;
  for (let height = chain.head.summary.height; height >= first && recent.length < countMax; height--) {
    const hash = must(chain.store.hashAt(height), "the chain has a block at each height from its first");
    const head = must(chain.store.head(hash), "a block of the chain has its header on disk");
    const seal = must(chain.store.seal(hash), "a block of the chain has its seal on disk");
    recent.push({ head, seal });
  }
  return recent.reverse();
}

export function headOf({ hash, summary }: BlockHead): Head {
  const { height, stateRoot, nextValidatorsHash } = summary;
  return { height, hash, stateRoot, nextValidatorsHash };
}
