import { formatDecimal } from '@gridtokenx/kernel';
import type { ComputedStatement } from './check/check.js';

/** Besides the utilities and whoever a correction concerns, statements of so many participants are printed. */
const PARTICIPANTS_SHOWN = 4;

const HEAD = [
  '',
  'exported',
  'sold',
  'fed in',
  'imported',
  'bought',
  'sales',
  'purchases',
  'charges',
  'feed-in',
  'THB',
];

/** Statements as a table: energy in kWh, money in THB. What a correction changed stands below what it was before. */
export function statementLines(statements: readonly ComputedStatement[]): string[] {
  const chosen = chosenOf(statements);
  const rows = chosen.map((one) => [
    one.version === 1 ? one.title : '  corrected',
    ...[one.export, one.sold, one.surplus, one.import, one.bought].map(kwh),
    ...[one.earned, one.spent, one.charged, one.feed_in, one.amount].map(thb),
  ]);
  const widths = HEAD.map((name, i) => Math.max(name.length, ...rows.map((row) => row[i]?.length ?? 0)));
  return [HEAD, ...rows].map((row) =>
    row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))).join('  '),
  );
}

const kwh = (wh: bigint): string => formatDecimal(wh, 3, 3);
const thb = (micro: bigint): string => formatDecimal(micro, 6, 6);

function chosenOf(statements: readonly ComputedStatement[]): ComputedStatement[] {
  const last = Math.max(1, ...statements.map(({ version }) => version));
  const isFirst = new Map(statements.filter(({ version }) => version === 1).map((one) => [one.account, one]));
  const isChanged = ({ account, amount, import: taken, used }: ComputedStatement): boolean => {
    const first = isFirst.get(account);
    return first === undefined || first.amount !== amount || first.import !== taken || first.used !== used;
  };
  const changed = new Set(
    statements.filter((one) => one.version === last && last > 1 && isChanged(one)).map(({ account }) => account),
  );
  let others = 0;
  return statements.filter((one) => {
    if (one.version !== 1) return one.version === last && changed.has(one.account);
    return one.kind !== 'participant' || changed.has(one.account) || others++ < PARTICIPANTS_SHOWN;
  });
}
