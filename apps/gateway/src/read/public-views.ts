import { formatTime, millis } from '@gridtokenx/kernel';
import type { GridAccountView, TransferView } from '@gridtokenx/runtime';
import { happenedBody, type Json } from './list-views.js';
import type { Hrefs } from './views.js';

const time = (ms: number): string => formatTime(millis(ms));

/** Rows of the public ledger as they travel. */

export const transferBody = ({ from, to, amount, ...where }: TransferView, hrefs: Hrefs): Json => ({
  ...happenedBody(where, hrefs),
  from,
  to,
  amount,
});

export function gridAccountBody({ account, available, held, locks, bonded, active }: GridAccountView): Json {
  const locked = locks.reduce((most, { amount }) => (BigInt(amount) > most ? BigInt(amount) : most), 0n);
  const free = BigInt(available) - locked;
  return {
    account,
    available,
    held,
    spendable: (free > 0n ? free : 0n).toString(),
    locks: locks.map(({ reason, amount, untilMs }) => ({
      reason,
      amount,
      ...(untilMs !== undefined && { until: time(untilMs) }),
    })),
    bonded,
    active,
  };
}

type ByReason = Readonly<Record<string, string>>;
const sumOf = (amounts: ByReason): bigint => Object.values(amounts).reduce((sum, amount) => sum + BigInt(amount), 0n);

export function supplyBody({
  issued: all,
  destroyed,
}: {
  readonly issued: ByReason;
  readonly destroyed: ByReason;
}): Json {
  const { genesis = '0', ...issued } = all;
  const total = BigInt(genesis) + sumOf(issued) - sumOf(destroyed);
  return { genesis, issued, destroyed, total: total.toString() };
}

export const treasuryBody = (
  { account, available, held }: GridAccountView,
  { collected, destroyed }: { readonly collected: ByReason; readonly destroyed: ByReason },
): Json => ({ account, available, held, collected, burned: destroyed['treasuryBurn'] ?? '0' });
