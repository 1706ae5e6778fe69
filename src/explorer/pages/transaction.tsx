/** One transaction: where it is, what it calls and what it did, decoded here; its proof, and a receipt to keep. */
import { printable } from "../../base/printable.ts";
import { readTransaction, type TxView } from "../live/ledger.ts";
import { useQuery } from "../live/query.ts";
import { route } from "../live/route.ts";
import { counted, showAmount, showExpiry, showShare } from "../model/format.ts";
import { Answered } from "../parts/answered.tsx";
import { Amount, Copy, HashLink, Time } from "../parts/basics.tsx";
import { Bytes } from "../parts/bytes.tsx";
import { Decoded } from "../parts/decoded.tsx";
import { Badge, Fact, Facts, Heading, Note, Panel } from "../parts/layout.tsx";
import { Checks, MarkSign, markOf } from "../parts/marks.tsx";
import { DownloadReceipt } from "../parts/receipt-download.tsx";
import { TxTimeline } from "../parts/tx-timeline.tsx";
import { PlaceLink } from "./block.tsx";

export function TransactionPage() {
  const hash = route.value.argument ?? "";
  const found = useQuery(`tx ${hash}`, () => readTransaction(hash));
  return (
    <Answered query={found} title="Transaction">
      {(view) =>
        view === undefined ? (
          <>
            <Heading>Transaction</Heading>
            <Note tone="warn">
              This node knows no transaction {printable(hash)}: it was never sent here, left the pool, or is
              in no block that this node has.
            </Note>
          </>
        ) : (
          <Shown {...view} />
        )
      }
    </Answered>
  );
}

function Shown(view: TxView) {
  const { tx, status, outcome, checks, proof } = view;
  return (
    <>
      <Heading
        aside={
          <Badge tone={status === "final" ? "good" : status === "included" ? "warn" : "quiet"}>
            {status}
          </Badge>
        }
      >
        Transaction <MarkSign mark={markOf(checks)} />
      </Heading>
      <TxTimeline view={view} />
      <div class="grid">
        <Panel title="Transaction" aside={proof === undefined ? undefined : <DownloadReceipt view={view} />}>
          <Facts>
            <Fact name="hash">
              <code class="hex">{printable(tx.txHash)}</code>
              <Copy text={tx.txHash} />
            </Fact>
            <Place {...view} />
            <Fact name="from">
              {tx.module === "coinbase" ? (
                <Badge>coinbase</Badge>
              ) : (
                <HashLink to="account" hash={tx.from} whole />
              )}
            </Fact>
            <Fact name="nonce">{showAmount(tx.nonce)}</Fact>
            <Fact name="fee">
              <Amount>{tx.fee}</Amount>
            </Fact>
            <Fact name="expires">{showExpiry(tx.validUntilHeight)}</Fact>
          </Facts>
        </Panel>
        <Checks checks={checks} none="it waits in the pool: only a block can prove it" />
        <Panel title={`Call of the module ${printable(tx.module)}`}>
          <Decoded value={tx.call} />
        </Panel>
        <Panel title="Receipt">
          {outcome === undefined ? (
            <p class="notice quiet">none while it waits</p>
          ) : (
            <Outcome outcome={outcome} />
          )}
        </Panel>
        <Bytes title="Signed envelope" hex={tx.raw} />
      </div>
    </>
  );
}

function Place({ place, confirmations, reversalProbability }: TxView) {
  if (place === undefined) return <Fact name="place">in the pool of this node</Fact>;
  return (
    <>
      <Fact name="place">
        <PlaceLink height={place.height} />, index {place.index}
        {confirmations === undefined ? "" : `, ${counted(confirmations, "confirmation")}`}
      </Fact>
      <Fact name="time">
        <Time timeMs={place.timeMs} />
      </Fact>
      {reversalProbability === undefined ? null : (
        <Fact name="may be undone">
          with {showShare(reversalProbability)} by an attacker with a tenth of all hash power
        </Fact>
      )}
    </>
  );
}

function Outcome({ outcome }: { readonly outcome: NonNullable<TxView["outcome"]> }) {
  const { status, fault, code, fee, events } = outcome;
  return (
    <>
      <Facts>
        <Fact name="outcome">
          {status === "success" ? (
            <Badge tone="good">success</Badge>
          ) : (
            <Badge tone="bad">failed: {printable(fault ?? String(code))}</Badge>
          )}
        </Fact>
        <Fact name="fee taken">
          <Amount>{fee}</Amount>
        </Fact>
      </Facts>
      {events.map((event, i) => (
        // Events have their place and nothing else.
        <div key={i}>
          <h3>Event of {printable(event.module)}</h3>
          <Decoded value={event.decoded ?? { data: event.data }} />
        </div>
      ))}
    </>
  );
}
