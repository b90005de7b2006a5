import { formatDecimal } from '@gridtokenx/kernel';
import type { CheckResult, ComputedStatement } from './check/check.js';

/** Besides the utilities and whoever a correction concerns, statements of so many participants are printed. */
const PARTICIPANTS_SHOWN = 4;

const kwh = (wh: bigint): string => formatDecimal(wh, 3, 3);
const thb = (micro: bigint): string => formatDecimal(micro, 6, 6);

function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const widths = head.map((name, i) => Math.max(name.length, ...rows.map((row) => row[i]?.length ?? 0)));
  return [head, ...rows].map((row) =>
    row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))).join('  '),
  );
}

/** What was traded how, and the control account of each operator. Energy in kWh, money in THB. */
export function marketLines({ markets, controls }: Pick<CheckResult, 'markets' | 'controls'>): string[] {
  return [
    ...table(
      ['trades', 'number', 'between zones', 'kWh', 'THB'],
      markets.map(({ mechanism, phase, trades, between, wh, money }) => [
        `${mechanism}, ${phase}`,
        ...[trades, between].map(String),
        kwh(wh),
        thb(money),
      ]),
    ),
    '',
    ...table(
      ['energy, kWh', 'minted', 'moved in', 'moved out', 'retired', 'expired', 'unexplained'],
      controls.map((one) => [
        one.operator,
        ...[one.minted, one.moved_in, one.moved_out, one.retired, one.expired, one.unexplained].map(kwh),
      ]),
    ),
  ];
}

const HEAD = [
  'statement',
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
  return table(HEAD, rows);
}

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
    if (one.kind !== 'participant' && one.charged === 0n && one.amount === 0n) return false;
    if (one.version !== 1) return one.version === last && changed.has(one.account);
    return one.kind !== 'participant' || changed.has(one.account) || others++ < PARTICIPANTS_SHOWN;
  });
}
