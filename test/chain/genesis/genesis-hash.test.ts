/** The genesis hash without a state is that of the executed block, and the plain root that of the paged tree. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { hashGenesis, rootOf } from "../../../src/chain/genesis/genesis-hash.ts";
import {
  computeGenesisHash,
  executeGenesis,
  withHoldings,
  zeroBlock,
} from "../../../src/chain/genesis/genesis-state.ts";
import { hashStateKey, hashStateValue } from "../../../src/chain/state/state-proof.ts";
import { updateTree } from "../../../src/chain/state/state-tree.ts";
import { DEVNET, planNetwork, secretsFromSeed } from "../../../src/node/home/network-plan.ts";

describe("the genesis hash without a state", () => {
  it.each([1, 4, 7])("is that of the block that %i validators execute", (validators) => {
    const { genesis } = planNetwork({ ...DEVNET, validators }, secretsFromSeed(`hash ${validators}`));
    expect(hashGenesis(genesis)).toEqual(computeGenesisHash(genesis));
    const consensus = { ...genesis.consensus, epochLength: 160 };
    const changing = { ...genesis, consensus } as typeof genesis;
    expect(hashGenesis(changing)).toEqual(computeGenesisHash(changing));
    expect(hashGenesis(changing)).not.toEqual(hashGenesis(genesis));
  });

  it("is found once, for whoever has decoded transactions before as well", () => {
    const { genesis } = planNetwork(DEVNET, secretsFromSeed("once"));
    const once = executeGenesis(genesis);
    const same = withHoldings(genesis, { find: () => undefined });
    expect(same.limits).toMatchObject(genesis.limits);
    expect(executeGenesis(same)).toBe(once);
    expect([zeroBlock(genesis), zeroBlock(same)]).toEqual([once.block, once.block]);
  });

  it("has the root of the paged tree, whatever the entries", () => {
    const bytes = fc.uint8Array({ minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.tuple(bytes, bytes), {
          selector: ([key]) => key.join(),
          maxLength: 60,
        }),
        (entries) => {
          const changes = entries.map(([key, value]) => ({
            keyHash: hashStateKey(key),
            valueHash: hashStateValue(value),
          }));
          const { root } = updateTree({ page: () => undefined }, changes);
          expect(rootOf(entries)).toEqual(root);
        },
      ),
    );
  });
});
