/** Mined chains that snapshots are made of, a false one among them. */
import { byteText, EMPTY } from "../../../src/base/bytes.ts";
import { ledgerOperations } from "../../../src/chain/block-operations.ts";
import type { Chain } from "../../../src/chain/chain.ts";
import { readAccount, writeAccount } from "../../../src/chain/modules/accounts.ts";
import { bank } from "../../../src/chain/modules/bank.ts";
import type { SnapshotContext } from "../../../src/chain/snapshot/snapshot-check.ts";
import { decodeAccount } from "../../../src/chain/state/account.ts";
import { accountKey } from "../../../src/chain/state/state-keys.ts";
import type { StateChange } from "../../../src/chain/state/state-overlay.ts";
import { updateTree } from "../../../src/chain/state/state-tree.ts";
import { treeChanges } from "../../../src/chain/state/tree-changes.ts";
import type { SealedBlock } from "../../../src/chain/types/block.ts";
import { signTransaction } from "../../../src/chain/types/transaction.ts";
import { snapshotContext } from "../../../src/node/snapshot/snapshot-context.ts";
import { MemoryKv } from "../../../src/storage/memory.ts";
import { alice, bob, genesis, genesisHash, mineOn, openMinedChain } from "../../chain/pow-fixtures.ts";

/** By a clock behind all blocks of these tests. */
export const late = () => Number(genesis.timeMs) + 100 * 600_000;

export function context(depth: number, now = late): SnapshotContext {
  return snapshotContext(genesis, { depth, now });
}

function transfer(nonce: bigint) {
  const payload = bank.encodeCall({ to: bob.publicKey, amount: 10n, memo: EMPTY });
  const { chainId } = genesis;
  const fields = { chainId, nonce, fee: 0n, validUntilHeight: 0n, module: bank.id, payload };
  return signTransaction(fields, alice, genesisHash);
}

/** Blocks on the head, each with a transfer. */
export async function mine(chain: Chain, count: number, second = 0): Promise<SealedBlock[]> {
  const blocks: SealedBlock[] = [];
  for (let i = 0; i < count; i++) {
    const nonce = readAccount(chain.committed, alice.publicKey)!.nonce;
    const block = mineOn(chain, [transfer(nonce)], second);
    const { kind } = await chain.importBlock(block);
    if (kind !== "imported") throw new Error(kind);
    blocks.push(block);
  }
  return blocks;
}

/** Twelve blocks, the fourth of which stands on a state that no block made: work covers it all the same. */
export async function falseChain(): Promise<{ readonly chain: Chain; readonly kv: MemoryKv }> {
  const kv = new MemoryKv();
  await mine(await openMinedChain({ kv }), 3);
  const honest = await openMinedChain({ kv });
  const rich = { ...decodeAccount(honest.committed.get(accountKey(bob.publicKey))!), balance: 1_000_000n };
  const diff = new Map<string, StateChange>();
  const put = (key: Uint8Array, value: Uint8Array) => void diff.set(byteText(key), { key, value });
  writeAccount(
    { get: (key) => honest.committed.get(key), put, delete: () => undefined },
    bob.publicKey,
    rich,
  );
  const { pages } = updateTree(honest.committed, treeChanges(diff));
  await kv.write(ledgerOperations(diff, pages), { sync: true });
  const chain = await openMinedChain({ kv });
  await mine(chain, 9);
  return { chain, kv };
}
