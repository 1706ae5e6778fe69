/** Bitcoin's first 10,237 headers, and what is known of them from elsewhere. */
import { readFileSync } from "node:fs";

export const MAINNET: Uint8Array = new Uint8Array(
  readFileSync(new URL("../../vectors/bitcoin/mainnet-headers-0-10236.bin", import.meta.url)),
);

export const MAINNET_COUNT = 10_237;
export const MAINNET_CHAINWORK = 0x27fd27fd27fdn;
export const MAINNET_LAST_HASH = "0x000000004f74d42205b9d7ae1cb5c1591e723894a71358fce73b7e0919628161";
