/**
 * Values as people read them: amounts grouped as text (never through floating point), ages, durations, rates, byte
 * counts, and long hex cut in the middle. Times are shown in the reader's zone by the browser itself.
 *
 * This folder: pure functions of what was asked: layouts, tables, words and numbers. Not here: signals, nodes, the
 * document.
 */
import { printable } from "../../base/printable.ts";

/** A number with its noun, whose plural has an s. */
export function counted(n: number, noun: string): string {
  return `${showAmount(n)} ${noun}${n === 1 ? "" : "s"}`;
}

/** Thousands apart, by text alone: "1234567" is "1 234 567" with narrow spaces; what is no decimal is shown as it is. */
export function showAmount(decimal: string | number): string {
  const digits = String(decimal);
  return /^\d+$/.test(digits) ? digits.replace(/\B(?=(\d{3})+$)/g, "\u202f") : printable(digits);
}

/** Shortens hex to the form "0x1234…cdef". What is short stays whole. */
export function shorten(hex: string, digits = 5): string {
  const text = printable(hex);
  return text.length <= 2 * digits + 4 ? text : `${text.slice(0, digits + 2)}…${text.slice(-digits)}`;
}

/** "340 ms", "1.20 s", "42 s", "5 min 3 s", "2 h 5 min", "3 d 4 h". */
export function showDuration(ms: number): string {
  if (!Number.isFinite(ms)) return "–";
  if (ms < 1_000) return `${Math.max(0, Math.round(ms))} ms`;
  const seconds = ms / 1_000;
  if (seconds < 10) return `${seconds.toFixed(2)} s`;
  if (seconds < 60) return `${Math.floor(seconds)} s`;
  const whole = Math.floor(seconds);
  const [days, hours, minutes] = [
    Math.floor(whole / 86_400),
    Math.floor(whole / 3_600) % 24,
    Math.floor(whole / 60) % 60,
  ];
  if (days > 0) return `${days} d ${hours} h`;
  if (hours > 0) return `${hours} h ${minutes} min`;
  return `${minutes} min ${whole % 60} s`;
}

/**
 * The last height that takes a transaction. From 2^52 on it is none: wallets put chance there, so that no two orders are
 * the same (sdk/wallet.ts).
 */
export function showExpiry(height: number | string): string {
  return height === 0 || height === "0" || Number(height) >= 2 ** 52
    ? "never"
    : `after height ${showAmount(String(height))}`;
}

/** Shows an age as "now", "12 s ago", "5 min ago", "3 h ago" or "2 d ago", and a time that is ahead as "in 3 s". */
export function showAge(ms: number): string {
  const seconds = Math.floor(Math.abs(ms) / 1_000);
  if (seconds < 1) return "now";
  const word =
    seconds < 60
      ? `${seconds} s`
      : seconds < 3_600
        ? `${Math.floor(seconds / 60)} min`
        : seconds < 86_400
          ? `${Math.floor(seconds / 3_600)} h`
          : `${Math.floor(seconds / 86_400)} d`;
  return ms < 0 ? `in ${word}` : `${word} ago`;
}

/** "0", "0.4", "12", "1 340". */
export function showRate(perSecond: number): string {
  if (perSecond === 0) return "0";
  return perSecond < 10 ? perSecond.toFixed(1) : showAmount(Math.round(perSecond));
}

export function showBytes(bytes: number): string {
  if (bytes < 1_000) return `${bytes} B`;
  const [value, unit] =
    bytes < 1_000_000 ? [bytes / 1_000, "kB"] : bytes < 1e9 ? [bytes / 1e6, "MB"] : [bytes / 1e9, "GB"];
  return `${value.toFixed(value < 10 ? 1 : 0)} ${unit}`;
}

/** "340 H/s", "1.2 kH/s", "3.4 MH/s". */
export function showHashRate(perSecond: number): string {
  const units = ["H/s", "kH/s", "MH/s", "GH/s", "TH/s", "PH/s", "EH/s"];
  let [value, i] = [perSecond, 0];
  while (value >= 1_000 && i < units.length - 1) {
    value /= 1_000;
    i++;
  }
  return `${value < 10 ? value.toFixed(1) : value.toFixed(0)} ${units[i]}`;
}

/** Shows a share as "12.3 %". */
export function showShare(share: number): string {
  const percent = 100 * share;
  return `${percent !== 0 && percent < 10 ? percent.toFixed(1) : percent.toFixed(0)} %`;
}
