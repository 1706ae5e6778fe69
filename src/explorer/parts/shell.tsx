/** The frame around every page: where one can go, a field to look anything up, and how the node does. */
import type { FunctionComponent } from "preact";
import { useState } from "preact/hooks";
import { printable } from "../../base/printable.ts";
import { nodeUrls } from "../live/asked-nodes.ts";
import { failures, hasFailed } from "../live/checks.ts";
import { link, standing } from "../live/feed.ts";
import { route } from "../live/route.ts";
import { nextTheme, theme } from "../live/theme.ts";
import { showDuration } from "../model/format.ts";
import { href, type PageName } from "../model/routes.ts";
import { AccountPage } from "../pages/account.tsx";
import { Anchors } from "../pages/anchors.tsx";
import { Api } from "../pages/api.tsx";
import { BlockPage } from "../pages/block.tsx";
import { Blocks } from "../pages/blocks.tsx";
import { ChecksPage } from "../pages/checks.tsx";
import { Consensus } from "../pages/consensus.tsx";
import { Forks } from "../pages/forks.tsx";
import { Lab } from "../pages/lab.tsx";
import { Network } from "../pages/network.tsx";
import { Node } from "../pages/node.tsx";
import { Overview } from "../pages/overview.tsx";
import { Pool } from "../pages/pool.tsx";
import { Receipt } from "../pages/receipt.tsx";
import { State } from "../pages/state.tsx";
import { TransactionPage } from "../pages/transaction.tsx";
import { Transactions } from "../pages/transactions.tsx";
import { Validators } from "../pages/validators.tsx";
import { Text } from "./basics.tsx";
import { Heading } from "./layout.tsx";
import { Search } from "./search.tsx";

type Kind = "pbft" | "pow";

interface MenuItem {
  readonly page: PageName;
  readonly label: string;
  readonly view: FunctionComponent;
  /** Pages that it stands for in the list. */
  readonly with?: readonly PageName[];
  /** The kind of chain on which alone it is shown. */
  readonly only?: Kind;
}

const ENTRIES: readonly MenuItem[] = [
  { page: "overview", label: "Overview", view: Overview },
  { page: "consensus", label: "Consensus", view: Consensus, only: "pbft" },
  { page: "forks", label: "Fork tree", view: Forks, only: "pow" },
  { page: "blocks", label: "Blocks", view: Blocks, with: ["block"] },
  { page: "transactions", label: "Transactions", view: Transactions, with: ["transaction"] },
  { page: "pool", label: "Pool", view: Pool },
  { page: "anchors", label: "Anchors", view: Anchors },
  { page: "receipt", label: "Verify a receipt", view: Receipt },
  { page: "state", label: "State", view: State, with: ["account"] },
  { page: "validators", label: "Validators", view: Validators, only: "pbft" },
  { page: "network", label: "Network", view: Network },
  { page: "node", label: "Node", view: Node },
  { page: "lab", label: "Lab", view: Lab },
  { page: "api", label: "API", view: Api },
  { page: "checks", label: "What is checked", view: ChecksPage },
];

/** Pages that are reached from others. */
const DETAILS: Partial<Record<PageName, FunctionComponent>> = {
  block: BlockPage,
  transaction: TransactionPage,
  account: AccountPage,
};

export function Shell() {
  const { page } = route.value;
  const entry = ENTRIES.find((entry) => entry.page === page);
  const View = entry?.view ?? (page && DETAILS[page]) ?? NoPage;
  const title = entry?.label ?? page ?? NO_PAGE;
  document.title = `${title} · ${standing.value?.info.name ?? "Quorate"}`;
  return (
    <>
      <button type="button" class="skip" onClick={skip}>
        Skip to the content
      </button>
      <TopBar />
      <div class="columns">
        <Navigation />
        <main id="content" tabIndex={-1}>
          <LinkState />
          <Failures />
          <View />
        </main>
      </div>
    </>
  );
}

const NO_PAGE = "No such page";

function NoPage() {
  return (
    <>
      <Heading>{NO_PAGE}</Heading>
      <p class="notice quiet">
        Nothing is at <code>{printable(location.hash)}</code>: <a href={href("overview")}>Overview</a>
      </p>
    </>
  );
}

/** The fragment is the address of the page, so this is no link: it only moves the focus. */
function skip(): void {
  document.getElementById("content")?.focus();
}

function TopBar() {
  const info = standing.value?.info;
  return (
    <header class="top">
      <a class="brand" href={href("overview")}>
        Quorate
      </a>
      <span class="node-name">
        {info === undefined ? "" : <Text>{`${info.name} · chain ${info.chainId}`}</Text>}
      </span>
      <Search />
      <button type="button" class="theme" onClick={nextTheme} aria-label={`colours: ${theme.value}; change`}>
        {{ system: "◐", light: "☀", dark: "☾" }[theme.value]}
      </button>
    </header>
  );
}

function Navigation() {
  const [isOpen, setOpen] = useState(false);
  const kind = standing.value?.info.consensus;
  const entries = ENTRIES.filter(({ only }) => only === undefined || kind === undefined || only === kind);
  const { page } = route.value;
  return (
    <nav aria-label="Pages" class={isOpen ? "open" : ""}>
      <button type="button" class="menu" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
        Menu
      </button>
      <ul>
        {entries.map((entry) => (
          <li key={entry.page}>
            <a
              href={href(entry.page)}
              aria-current={entry.page === page || (page && entry.with?.includes(page)) ? "page" : undefined}
              onClick={() => setOpen(false)}
            >
              {entry.label}
            </a>
          </li>
        ))}
      </ul>
    </nav>
  );
}

/** Says on every page, until the page is loaded anew, that something that the node showed does not hold. */
function Failures() {
  if (!hasFailed.value) return null;
  return (
    <div class="notice bad" role="alert">
      <strong>Do not believe this node: what it showed does not hold.</strong>
      <ul class="plain">
        {failures.value.slice(0, 3).map(({ subject, what, words }) => (
          <li key={subject + what}>
            {printable(subject)}, {what}: {printable(words)}
          </li>
        ))}
      </ul>
      <a href={href("checks")}>What was checked</a>
    </div>
  );
}

/** Said aloud when it changes: the node is gone and tried again, or there is none to ask. */
function LinkState() {
  const { value } = link;
  return (
    <div role="status">
      {value.state === "gone" ? (
        <p class="notice bad">
          <strong>Node gone, trying again.</strong> No answer from <Text>{nodeUrls[0] ?? ""}</Text> for{" "}
          {showDuration(Date.now() - value.sinceMs)}: {printable(value.reason)}. What is shown is from before.
        </p>
      ) : null}
      {value.state === "none" ? (
        <p class="notice quiet">
          This page was opened from a file, without a node. Receipts can be verified all the same;{" "}
          <code>?nodes=127.0.0.1:18545</code> behind its address names a node to ask.
        </p>
      ) : null}
    </div>
  );
}
