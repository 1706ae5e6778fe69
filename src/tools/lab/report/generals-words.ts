/**
 * Who told whom what, round by round, in words for a terminal: a line for each general that speaks in a round. What a
 * loyal general would have said otherwise is marked as a lie, silence too.
 */
import type { GeneralsOutcome, SentOrder } from "../pbft/generals.ts";

/** Messages of a round beyond which a line says how many there were. */
const WORDS_MAX = 42;

export const LIE_MARK = "!";

export function isLie({ order, honest }: SentOrder): boolean {
  return order !== honest;
}

/** What is said: "1 attack", of what a chain of others said: "2 (0) attack"; a lie ends with the mark. */
function said(sent: SentOrder): string {
  const { to, order, path } = sent;
  const through = path.length > 1 ? ` (by ${path.slice(1).join(", ")})` : "";
  return `${to}${through} ${order ?? "nothing"}${isLie(sent) ? LIE_MARK : ""}`;
}

/** Lines, without an end mark. */
export function wordsOfRounds({ rounds, sent, messagesByRound }: GeneralsOutcome): readonly string[] {
  return Array.from({ length: rounds }, (_, round) => {
    const own = sent.filter((each) => each.round === round);
    const count = messagesByRound[round] ?? 0;
    const title = `round ${round + 1}`;
    if (own.length === 0) return [`${title}  nobody speaks`];
    if (Math.max(count, own.length) > WORDS_MAX) return [`${title}  ${count} messages`];
    const speakers = [...new Set(own.map(({ from }) => from))];
    return speakers.map((from, i) => {
      const sent = own.filter((each) => each.from === from).map(said);
      const lead = i === 0 ? title : " ".repeat(title.length);
      return `${lead}  ${from} ${round === 0 ? "orders" : "tells"} ${sent.join(", ")}`;
    });
  }).flat();
}
