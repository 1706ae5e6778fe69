/** Moved: what the bits of a header mean is the ledger's (chain/target.ts). */
export * from "../../chain/target.ts";
