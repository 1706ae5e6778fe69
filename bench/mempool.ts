/**
 * What the pool costs beside the signatures (floor 0.6, goal 0.8 of native verification):
 *
 *   npx tsx bench/mempool.ts [senders] [transactions per sender]
 *
 * In five interleaved rounds it verifies signed transfers with the native library alone and admits the same bytes
 * to an empty pool (decode, checks, signature, sender queues), and prints the median ratio. Beside it: the cost of a block
 * of 1,000 on a full pool and on a small one (a re-check must not grow with the pool), of a template, and of
 * admission to a pool that is full, also of one sender's long row (which must not grow with the row).
 */
import { byteText, EMPTY } from "../src/base/bytes.ts";
import { AcceptedSignatures } from "../src/chain/execution/accepted-signatures.ts";
import { bank } from "../src/chain/modules/bank.ts";
import {
  decodeTransaction,
  type SignedTransaction,
  signTransaction,
  transactionSigningBytes,
  unsignedPart,
} from "../src/chain/types/transaction.ts";
import { sha256 } from "../src/crypto/hash.ts";
import { createSigner, nativeName, verifyQuickly } from "../src/crypto/keys.ts";
import type { HeadState } from "../src/mempool/admission.ts";
import { Mempool } from "../src/mempool/mempool.ts";
import { selectTransactions } from "../src/mempool/template.ts";

const ROUNDS = 5;
const senderCount = Number(process.argv[2] ?? 1_000);
const perSender = Number(process.argv[3] ?? 5);
const genesisHash = sha256(new Uint8Array(1));
const limits = {
  maxBlockBytes: 2 * 1024 * 1024,
  maxBlockTransactions: 20_000,
  maxTxBytes: 4_096,
  minFee: 1n,
};
const genesis = { chainId: 1n, limits };

const signers = Array.from({ length: senderCount }, (_, i) =>
  createSigner(sha256(Buffer.from(`sender ${i}`))),
);
const accounts = new Map(
  signers.map(({ publicKey }) => [byteText(publicKey), { balance: 10n ** 12n, nonce: 0n }]),
);
const headAt = (height: bigint, nonces = new Map<string, bigint>()): HeadState => ({
  height,
  account(address) {
    const key = byteText(address);
    const account = accounts.get(key);
    const nonce = nonces.get(key);
    return account === undefined || nonce === undefined ? account : { ...account, nonce };
  },
});

const payload = bank.encodeCall({ to: signers[0]!.publicKey, amount: 1n, memo: EMPTY });
const transfers: SignedTransaction[] = [];
for (let nonce = 0; nonce < perSender; nonce++) {
  signers.forEach((signer, i) => {
    const fee = BigInt(1 + ((i * 7919) % 1_000));
    const call = { chainId: 1n, nonce: BigInt(nonce), fee, validUntilHeight: 100n, module: bank.id, payload };
    transfers.push(signTransaction(call, signer, genesisHash));
  });
}
const envelopes = transfers.map(({ bytes }) => bytes);

/** Calls per second of CPU time of `run`, which makes `calls` of them: other load on the machine does not count. */
function rate(calls: number, run: () => void): number {
  const start = process.cpuUsage();
  run();
  const { user, system } = process.cpuUsage(start);
  return calls / ((user + system) / 1e6);
}

const median = (values: number[]) => values.toSorted((x, y) => x - y)[values.length >> 1]!;
const poolWith = (signatures: { admit(transaction: SignedTransaction): boolean }, transactionsMax = 20_000) =>
  new Mempool({ genesis, transactionsMax }, { head: headAt(0n), signatures });

const signed = transfers.map(
  (tx) => [tx.from, transactionSigningBytes(genesisHash, unsignedPart(tx)), tx.signature] as const,
);

function verifyAll(): void {
  for (const [key, message, signature] of signed) {
    if (!verifyQuickly(key, message, signature)) throw new Error("a signature must verify");
  }
}

function admitAll(pool: Mempool): void {
  for (const bytes of envelopes) {
    const verdict = pool.add(bytes, 0);
    if (!verdict.ok) throw new Error(verdict.fault.detail);
  }
}

const trusting = { admit: () => true };
const ratios: number[] = [];
const [verified, admitted, bare]: [number[], number[], number[]] = [[], [], []];
for (let round = 0; round <= ROUNDS; round++) {
  const verifications = rate(envelopes.length, verifyAll);
  const admissions = rate(envelopes.length, () => admitAll(poolWith(new AcceptedSignatures(genesisHash))));
  const unsigned = rate(envelopes.length, () => admitAll(poolWith(trusting)));
  if (round === 0) continue; // warm-up
  verified.push(verifications);
  admitted.push(admissions);
  bare.push(unsigned);
  ratios.push(admissions / verifications);
}

const perSecond = (values: number[]) => Math.round(median(values)).toLocaleString("en");
console.log(
  `${nativeName}, ${envelopes.length} transfers of ${senderCount} senders, median of ${ROUNDS} rounds`,
);
console.log(`native verifications          ${perSecond(verified)} /s`);
console.log(`admissions                    ${perSecond(admitted)} /s`);
console.log(
  `admissions without signatures ${perSecond(bare)} /s (${(1e6 / median(bare)).toFixed(1)} us each)`,
);
console.log(`ratio                         ${median(ratios).toFixed(3)} (floor 0.6, goal 0.8)`);

/** Microseconds per included transaction when a block of `blockSize` reaches a pool of `poolSize`. */
function blockCost(poolSize: number, blockSize: number): number {
  const pool = poolWith(trusting);
  for (const transaction of transfers.slice(0, poolSize)) pool.add(transaction, 0);
  const block = transfers.slice(0, blockSize);
  const nonces = new Map(block.map((transaction) => [byteText(transaction.from), transaction.nonce + 1n]));
  return 1e6 / rate(blockSize, () => pool.headChanged(headAt(1n, nonces), block, 0));
}

const blockSize = Math.min(1_000, senderCount);
const times = (run: () => number) => median(Array.from({ length: ROUNDS }, run)).toFixed(1);
console.log(`\nnew head with ${blockSize} included, us per included`);
console.log(`  pool of ${blockSize}: ${times(() => blockCost(blockSize, blockSize))}`);
console.log(`  pool of ${transfers.length}: ${times(() => blockCost(transfers.length, blockSize))}`);

const pool = poolWith(trusting);
admitAll(pool);
for (const maxBlockTransactions of [100, 1_000]) {
  const pick = () => selectTransactions(pool, headAt(0n), { ...limits, maxBlockTransactions }).length;
  const microseconds = times(() => 1e6 / rate(maxBlockTransactions, () => void pick()));
  console.log(
    `template of ${maxBlockTransactions} from a pool of ${pool.size}: ${microseconds} us per transaction`,
  );
}

const full = poolWith(trusting, transfers.length >> 1);
const intoFull = rate(envelopes.length, () => {
  for (const bytes of envelopes) full.add(bytes, 0);
});
console.log(
  `arrivals at a pool that is full half-way, without signatures: ${(1e6 / intoFull).toFixed(1)} us each`,
);
const decoding = rate(envelopes.length, () => {
  for (const bytes of envelopes) decodeTransaction(bytes, limits.maxTxBytes);
});
console.log(`of that decoding and hashing: ${(1e6 / decoding).toFixed(1)} us each`);

/** Microseconds of an unsigned arrival at a full pool of which one sender holds all `size`. */
function longRowCost(size: number): number {
  const filled = poolWith(trusting, size);
  const from = signers[0]!;
  const sign = (nonce: number, fee: bigint) => {
    const call = { chainId: 1n, nonce: BigInt(nonce), fee, validUntilHeight: 0n, module: bank.id, payload };
    return signTransaction(call, { publicKey: from.publicKey, sign: () => new Uint8Array(64) }, genesisHash);
  };
  for (let nonce = 0; nonce < size; nonce++) filled.add(sign(nonce, 9n), 0);
  if (filled.size !== size) throw new Error("the pool must be full of one row");
  const arrivals = Array.from({ length: 500 }, (_, i) => sign(size, BigInt(2 + (i % 7))).bytes);
  return (
    1e6 /
    rate(arrivals.length, () => {
      for (const bytes of arrivals) filled.add(bytes, 0);
    })
  );
}

longRowCost(1_000);
const rowCosts = [1_000, 20_000].map((size) =>
  median(Array.from({ length: ROUNDS }, () => longRowCost(size))),
);
console.log(
  `\narrival at a full pool of one row of 1,000 and of 20,000: ${rowCosts.map((us) => us.toFixed(1)).join(" and ")} us, ` +
    `ratio ${(rowCosts[1]! / rowCosts[0]!).toFixed(2)} (limit 2; 20 would be linear)`,
);
