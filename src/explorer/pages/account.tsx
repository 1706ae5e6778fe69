/** One account: balance and nonce proved under the state root, and its transactions of late. */
import { printable } from "../../base/printable.ts";
import { askAll, orUndefined } from "../live/asked-nodes.ts";
import { readState } from "../live/ledger.ts";
import { useQuery } from "../live/query.ts";
import { route } from "../live/route.ts";
import { showAmount } from "../model/format.ts";
import { Answered } from "../parts/answered.tsx";
import { Copy, HeightLink } from "../parts/basics.tsx";
import { Fact, Facts, Heading, Note, Panel } from "../parts/layout.tsx";
import { Checks, MarkSign, markOf } from "../parts/marks.tsx";
import { TxList } from "../parts/tx-list.tsx";

export function AccountPage() {
  const address = (route.value.argument ?? "").toLowerCase();
  if (!/^0x[0-9a-f]{64}$/.test(address)) {
    return (
      <>
        <Heading>Account</Heading>
        <Note tone="warn">
          An address is 0x and 64 hex digits; this is {printable(address).slice(0, 80)}.
        </Note>
      </>
    );
  }
  return <Account address={address} />;
}

function Account({ address }: { readonly address: string }) {
  const found = useQuery(`account ${address}`, async () => {
    const [state, [live]] = await Promise.all([
      readState(`account/${address}`),
      askAll([{ method: "account_get", params: { address } }]),
    ]);
    return { ...state, live: orUndefined(live) };
  });
  return (
    <>
      <Answered query={found}>
        {({ value, checks, answer, live }) => (
          <>
            <Heading>
              Account <MarkSign mark={markOf(checks)} />
            </Heading>
            <div class="grid">
              <Panel title="Account">
                <Facts>
                  <Fact name="address">
                    <code class="hex">{address}</code>
                    <Copy text={address} />
                  </Fact>
                  <Fact name="balance">
                    <b class="amount">{showAmount(value?.balance ?? "0")}</b>
                  </Fact>
                  <Fact name="nonce">
                    {showAmount(value?.nonce ?? 0)}
                    {value === undefined ? " (never used)" : ""}
                  </Fact>
                  <Fact name="next nonce, with the pool">
                    {live === undefined ? "–" : showAmount(live.pendingNonce)}
                  </Fact>
                  {live?.maturing === undefined ? null : (
                    <Fact name="mined, not spendable yet">
                      {showAmount(live.maturing.sum)}
                      {live.maturing.nextHeight === null
                        ? ""
                        : `, the first of it from height ${showAmount(live.maturing.nextHeight)}`}
                    </Fact>
                  )}
                  <Fact name="as of">
                    block <HeightLink height={answer.height} />
                  </Fact>
                </Facts>
              </Panel>
              <Checks checks={checks} />
            </div>
          </>
        )}
      </Answered>
      <TxList address={address} title="Its transactions, the newest first" />
    </>
  );
}
