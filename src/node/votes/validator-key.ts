/** Where a validator's key is: in this process, or at a signer elsewhere that also keeps its journal. */
import type { Address } from "../../base/bytes.ts";
import type { Signer } from "../../crypto/keys.ts";
import type { AskSignature } from "../engine-steps.ts";

/** A key that is asked. Without an answer the node goes on without a vote, and begins anew from the journal. */
export interface RemoteKey {
  readonly publicKey: Address;
  readonly ask: AskSignature;
  /** The engine could not go on. */
  readonly failed: (error: SignerLost) => void;
}

export type ValidatorKey = Signer | RemoteKey;

/** The signer cannot be asked now, or did not do what it was asked; the node goes on without a vote. */
export class SignerLost extends Error {
  override readonly name = "SignerLost";
  /** The signer's own code. Undefined where it did not answer. */
  readonly code: string | undefined;

  constructor(message: string, code?: string) {
    super(message);
    this.code = code;
  }
}

export function isRemote(key: ValidatorKey | undefined): key is RemoteKey {
  return key !== undefined && "ask" in key;
}
