// Where everything lies in the kernel's memory: one page, no allocator. The host writes `header` and `target`, all
// else is the kernel's. A "lane vector" is 16 bytes: the same 32-bit word of four hashes. This folder is
// AssemblyScript, compiled to WebAssembly by bin/buildkernel.js; tsc and biome do not read it.

/** 80 bytes: the block header. Its nonce is ignored. */
export const HEADER: usize = 0;
/** 32 bytes: the target as a little-endian integer. */
export const TARGET: usize = 80;

/** 8 words: the state after the header's first 64 bytes. */
export const MIDSTATE: usize = 128;
/** 64 bytes: a block of one scalar hash. */
export const BLOCK: usize = 192;
/** 8 words each: results and working variables of one scalar hash. */
export const DIGEST: usize = 256;
export const SCRATCH: usize = 288;
/** 64 words: message schedule of one scalar hash. */
export const WORDS: usize = 512;

/** 64 lane vectors: the round constants. */
export const ROUND_KEYS: usize = 1024;
/** 64 lane vectors each: message schedules of the header's second block, and of the digest. */
export const FIRST: usize = 2048;
export const SECOND: usize = 3072;
/** 8 lane vectors each: the working variables, and what they begin with in the two hashes. */
export const STATE: usize = 4096;
export const FIRST_START: usize = 4224;
export const SECOND_START: usize = 4352;
/** 8 lane vectors each: what is added at the end of the two hashes. */
export const FIRST_END: usize = 4480;
export const SECOND_END: usize = 4608;
/** Lane vectors: the parts of four schedule words that no nonce changes. */
export const W18: usize = 4736;
export const W19: usize = 4752;
export const W30: usize = 4768;
export const W31: usize = 4784;
export const DIGEST_W17: usize = 4800;
export const DIGEST_W23: usize = 4816;
export const DIGEST_W30: usize = 4832;
/** Everything above ends here; asconfig.json places the static tables behind it. */
