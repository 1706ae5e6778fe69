/** Where the reader is, as a signal that follows the fragment of the address. */
import { signal } from "@preact/signals";
import { parseRoute } from "../model/routes.ts";

export const route = signal(parseRoute(location.hash));

addEventListener("hashchange", () => {
  route.value = parseRoute(location.hash);
  scrollTo(0, 0);
  // A screen reader goes on at the new page's heading, and the Tab key after it.
  requestAnimationFrame(() => document.querySelector<HTMLElement>("main h1")?.focus({ preventScroll: true }));
});
