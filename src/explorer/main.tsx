/** The explorer's beginning: the theme, the feed, and the page in place of what a saved copy may have left there. */
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
