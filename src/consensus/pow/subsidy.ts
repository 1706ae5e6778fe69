/** Moved: genesis checks the supply (chain/subsidy.ts). */
export * from "../../chain/subsidy.ts";
