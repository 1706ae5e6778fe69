/**
 * Transfers. A transfer of 0 creates no account; one to oneself reads the balance after the debit. Their bytes are in
 * bank-declaration.ts. Decision 5.
 */
import { Writer } from "../../codec/writer.ts";
import { credit, debit } from "./accounts.ts";
import {
  BALANCE_OVERFLOW,
  bankDeclaration,
  INSUFFICIENT_FUNDS,
  TRANSFERRED,
  type Transfer,
} from "./bank-declaration.ts";
import { type Module, ModuleFault } from "./module.ts";

export const bank: Module<Transfer> = {
  ...bankDeclaration,
  spends: (call) => call.amount,

  execute(call, context) {
    const taken = debit(context.state, context.sender, call.amount);
    if (!taken.ok) throw new ModuleFault(INSUFFICIENT_FUNDS, taken.fault.detail);
    const given = credit(context.state, call.to, call.amount);
    if (!given.ok) throw new ModuleFault(BALANCE_OVERFLOW, given.fault.detail);
    context.emit(TRANSFERRED, new Writer(72).raw(context.sender).raw(call.to).u64(call.amount).finish());
  },
};
