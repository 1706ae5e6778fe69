/**
 * The explorer's beginning: the theme, the feed, and the page in place of what a saved copy may have left there. What a
 * page shows is in pages/, of pieces in parts/; what it asks the node and keeps is in live/; what it computes of that,
 * without a browser, in model/. Which address is which page: model/routes.ts and parts/shell.tsx. Whether an answer is
 * true is checked by sdk/verify; serving these files is rpc/server's matter.
 *
 * This folder: the page that a node serves at /explorer: `live` asks, `model` computes, `pages` and `parts` show. Not
 * here: serving it (rpc/server), and checks of proofs (sdk).
 */
import { render } from "preact";
import { startFeed } from "./live/feed.ts";
import { startMetrics } from "./live/latency.ts";
import { startMembers } from "./live/members.ts";
import { startOthers } from "./live/others.ts";
import { applyTheme } from "./live/theme.ts";
import { startVotes } from "./live/vote-events.ts";
import { Shell } from "./parts/shell.tsx";
import "./style.css";

applyTheme();
const root = document.getElementById("explorer");
if (root !== null) {
  root.replaceChildren();
  render(<Shell />, root);
  startVotes();
  startFeed();
  startMembers();
  startMetrics();
  startOthers();
}
