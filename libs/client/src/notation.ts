/** How people write numbers and times, and what to say when they write them in a way that could be misread. */
export interface NotationFault {
  readonly code: string;
  readonly reason: string;
  readonly hint?: string;
  /** RFC 6901 pointer into the operation. */
  readonly pointer?: string;
}

export type Parsed<T> = { readonly value: T } | { readonly fault: NotationFault };

export const fault = (code: string, reason: string, hint?: string): { readonly fault: NotationFault } => ({
  fault: { code, reason, ...(hint !== undefined && { hint }) },
});

const BUDDHIST_YEAR = /^(2[4-9]\d\d)-\d\d/;
export const BUDDHIST_OFFSET = 543;

const THOUSANDS = /^-?\d{1,3}(?:(?:,\d{3}){2,}(?:\.\d+)?|(?:,\d{3})+\.\d+|(?:[ \u00a0\u202f'’]\d{3})+(?:[.,]\d+)?)$/;

/** A number with commas, or with thousands parted by something: neither is guessed at. */
export function separatorFault(text: string): NotationFault | undefined {
  if (THOUSANDS.test(text))
    return {
      code: 'notation.thousandsSeparator',
      reason: `'${text}' has thousands separators`,
      hint: `write no separators, and a point for decimals: ${withoutSeparators(text)}`,
    };
  if (!/^-?\d[\d.]*,[\d.,]*$/.test(text)) return undefined;
  const groups = /^\d{1,3}(,\d{3})+$/.test(text);
  return {
    code: 'notation.decimalComma',
    reason: `'${text}' has a comma`,
    hint: groups
      ? `write no thousands separators, and a point for decimals: ${text.replaceAll(',', '')} or ${text.replace(',', '.')}`
      : `write a decimal point: ${text.replaceAll('.', '').replace(',', '.')}`,
  };
}

const withoutSeparators = (text: string): string => {
  const spaced = text.replaceAll(/[ \u00a0\u202f'’]/g, '');
  return spaced === text ? text.replaceAll(',', '') : spaced.replace(',', '.');
};

export function yearFault(text: string): NotationFault | undefined {
  const year = BUDDHIST_YEAR.exec(text)?.[1];
  if (year === undefined) return undefined;
  return {
    code: 'notation.buddhistYear',
    reason: `the year ${year} is of the Buddhist era`,
    hint: `write the common era: ${Number(year) - BUDDHIST_OFFSET}${text.slice(4)}`,
  };
}
