/**
 * The token of the node's operator, without which the page only reads. It comes in the fragment of an address that
 * `quorate devnet` prints, or by hand; it stays in this tab alone, and is sent with admin methods only.
 */
import { signal } from "@preact/signals";

const KEY = "quorate-token";
/** 32 bytes in hex, as nodes make them. */
const TOKEN = /^[0-9a-f]{64}$/;

export const token = signal<string | undefined>(takeFromAddress() ?? recall());

/** @returns whether it has the form of a token */
export function giveToken(text: string): boolean {
  const given = text.trim().toLowerCase();
  if (!TOKEN.test(given)) return false;
  token.value = given;
  keep(given);
  return true;
}

export function forgetToken(): void {
  token.value = undefined;
  keep(undefined);
}

/** Once: what stays in the address bar would be copied with it. */
function takeFromAddress(): string | undefined {
  const [path = "", query = ""] = location.hash.split("?");
  const given = new URLSearchParams(query).get("token") ?? "";
  if (!TOKEN.test(given)) return undefined;
  history.replaceState(null, "", `${location.pathname}${location.search}${path}`);
  keep(given);
  return given;
}

function recall(): string | undefined {
  try {
    const kept = sessionStorage.getItem(KEY);
    return kept !== null && TOKEN.test(kept) ? kept : undefined;
  } catch {
    return undefined;
  }
}

function keep(value: string | undefined): void {
  try {
    if (value === undefined) sessionStorage.removeItem(KEY);
    else sessionStorage.setItem(KEY, value);
  } catch {
    // It holds as long as the page, then.
  }
}
