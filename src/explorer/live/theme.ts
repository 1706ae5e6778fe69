/**
 * Light or dark: what the reader's system says, until the reader says otherwise, which is remembered in the
 * browser alone.
 */
import { signal } from "@preact/signals";

export type Theme = "system" | "light" | "dark";
const KEY = "quorate-theme";
const THEMES: readonly Theme[] = ["system", "light", "dark"];

export const theme = signal<Theme>(THEMES.find((known) => known === recall(KEY)) ?? "system");

export function applyTheme(): void {
  const { dataset } = document.documentElement;
  if (theme.value === "system") delete dataset.theme;
  else dataset.theme = theme.value;
}

export function nextTheme(): void {
  theme.value = THEMES[(THEMES.indexOf(theme.value) + 1) % THEMES.length] ?? "system";
  remember(KEY, theme.value);
  applyTheme();
}

/** Browsers may refuse to remember anything, of pages from disk for one. */
export function recall(key: string): string | undefined {
  try {
    return localStorage.getItem(key) ?? undefined;
  } catch {
    return undefined;
  }
}

export function remember(key: string, value: string): void {
  try {
    localStorage.setItem(key, value);
  } catch {
    // Nothing is lost but the wish.
  }
}
