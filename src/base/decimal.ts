/**
 * Whole numbers as text, by one rule wherever a program or a person writes one: decimal digits without a sign, an
 * exponent, spaces or leading zeros. "010" is ten to some and eight to others.
 */

const DECIMAL = /^(?:0|[1-9][0-9]*)$/;

/** @param digitsMax is how many digits the text may have at most. */
export function isDecimal(text: string, digitsMax = Number.POSITIVE_INFINITY): boolean {
  return text.length <= digitsMax && DECIMAL.test(text);
}
