/** Signs what a test lets a validator say, as the engine signs its own messages. */
import type { Hash } from "../../../src/base/bytes.ts";
import { type PbftBody, signingBytes } from "../../../src/consensus/pbft/messages.ts";
import type { Signed, Verified } from "../../../src/consensus/pbft/signed-messages.ts";
import type { Signer } from "../../../src/crypto/keys.ts";

export function signMessage<B extends PbftBody, X extends object = object>(
  signer: Signer,
  genesisHash: Hash,
  body: B,
  attached?: X,
): Verified<B & Signed & X> {
  const signature = signer.sign(signingBytes(genesisHash, body));
  return { ...body, signature, ...attached } as Verified<B & Signed & X>;
}
