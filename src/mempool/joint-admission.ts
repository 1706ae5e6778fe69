/**
 * Which signatures admission will ask for, of envelopes that came together: so that they can be judged together first.
 * It is admission itself, with a cache of signatures that notes the question and says no; it changes nothing.
 */
import type { SignedTransaction } from "../chain/types/transaction.ts";
import { type AdmissionPorts, type AdmissionRules, admitTransaction } from "./admission.ts";

export function signaturesAsked(
  envelopes: readonly Uint8Array[],
  rules: AdmissionRules,
  ports: AdmissionPorts,
): SignedTransaction[] {
  const asked: SignedTransaction[] = [];
  const admitSignature = (transaction: SignedTransaction) => {
    asked.push(transaction);
    return false;
  };
  for (const envelope of envelopes) admitTransaction(envelope, rules, { ...ports, admitSignature });
  return asked;
}
