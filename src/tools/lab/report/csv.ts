/** Tables as comma-separated values (RFC 4180): a line of names, then a line each. An absent value is empty. */

export type CsvValue = string | number | boolean | undefined;

/** @param rows objects with the same names in the same order */
export function toCsv(rows: readonly Readonly<Record<string, CsvValue>>[]): string {
  const names = Object.keys(rows[0] ?? {});
  const lines = rows.map((row) => names.map((name) => quote(row[name])).join(","));
  return `${[names.join(","), ...lines].join("\r\n")}\r\n`;
}

function quote(value: CsvValue): string {
  const text = value === undefined ? "" : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
