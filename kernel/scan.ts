// What the host calls: it writes header and target, calls `prepare` once and `scan` for range after range of
// nonces. Which header, which range and when to stop is the host's matter (src/node/mining/mining-kernel.ts).
import { HEADER, TARGET } from "./layout";
import { hashLanes, prepareLanes } from "./lanes";
import { computeMidstate, solves } from "./scalar";

/** Nonces that are hashed at a time. */
const LANES: u64 = 4;
/** Nonces end here. */
const NONCES: u64 = 0x1_0000_0000;
/** The target's most significant 32 bits. */
const TARGET_TOP: usize = TARGET + 28;

export const headerAt: usize = HEADER;
export const targetAt: usize = TARGET;

/** To be called after the header has changed, its nonce aside. */
export function prepare(): void {
  computeMidstate();
  prepareLanes();
}

/** The first nonce of from, from + 1, ... that solves the header, or -1. Ends after `count` nonces or with 2^32 - 1. */
export function scan(from: u32, count: u32): i64 {
  const end = min(<u64>from + <u64>count, NONCES);
  const top = v128.load32_splat(TARGET_TOP);
  for (let nonce: u64 = from; nonce < end; nonce += LANES) {
    const nonces = i32x4.add(i32x4.splat(<u32>nonce), i32x4(0, 1, 2, 3));
    if (v128.any_true(i32x4.le_u(hashLanes(nonces), top))) {
      const found = judge(nonce, min(nonce + LANES, end));
      if (found >= 0) return found;
    }
  }
  return -1;
}

function judge(from: u64, end: u64): i64 {
  for (let nonce = from; nonce < end; nonce++) if (solves(<u32>nonce)) return <i64>nonce;
  return -1;
}
