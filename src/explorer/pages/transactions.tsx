/** All transactions from the newest downwards. */
import { Heading } from "../parts/layout.tsx";
import { TxList } from "../parts/tx-list.tsx";

export function Transactions() {
  return (
    <>
      <Heading>Transactions</Heading>
      <TxList title="Latest transactions" />
    </>
  );
}
