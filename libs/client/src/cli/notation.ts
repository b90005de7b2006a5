import { parseDecimal, parseInterval, parseTime } from '@gridtokenx/kernel';
import { isOperationType, operationSchemas, ORDER_WH_MIN, PRICE_TICKS_MAX, type Operation } from '@gridtokenx/protocol';
import { fault, separatorFault, yearFault, type NotationFault, type Parsed } from '../notation.js';

export type { NotationFault, Parsed } from '../notation.js';

function decimal(text: string, decimals: number, unit: string): Parsed<bigint> {
  const comma = separatorFault(text);
  if (comma !== undefined) return { fault: comma };
  const value = parseDecimal(text, decimals);
  if (value === undefined)
    return fault(
      'notation.number',
      `'${text}' is not a number of ${unit} with at most ${decimals} decimals`,
      'such as 4.50',
    );
  return { value };
}

/** `4.50` THB/kWh in ticks of 0.01. */
export function parsePrice(text: string): Parsed<number> {
  const parsed = decimal(text, 2, 'THB/kWh');
  if ('fault' in parsed) return parsed;
  if (parsed.value < 1n || parsed.value > BigInt(PRICE_TICKS_MAX))
    return fault('notation.price', `${text} THB/kWh is not between 0.01 and ${PRICE_TICKS_MAX / 100}`);
  return { value: Number(parsed.value) };
}

/** `1000` or `0.25` kWh in Wh, as the decimal string of the wire. */
export function parseKwh(text: string): Parsed<string> {
  const parsed = decimal(text, 3, 'kWh');
  if ('fault' in parsed) return parsed;
  if (parsed.value < BigInt(ORDER_WH_MIN))
    return fault('notation.energy', `an order is for at least ${ORDER_WH_MIN / 1000} kWh`);
  return { value: parsed.value.toString() };
}

/** `1500` or `0.25` GRID in micro-GRID, as the decimal string of the wire. */
export function parseGrid(text: string): Parsed<string> {
  const parsed = decimal(text, 6, 'GRID');
  if ('fault' in parsed) return parsed;
  if (parsed.value < 1n) return fault('notation.amount', 'an amount is of something');
  return { value: parsed.value.toString() };
}

/** `5` or `2.5` percent in parts of a billion. */
export function parseShare(text: string): Parsed<number> {
  const parsed = decimal(text, 7, 'percent');
  if ('fault' in parsed) return parsed;
  if (parsed.value < 0n || parsed.value > 1_000_000_000n)
    return fault('notation.share', `${text} percent is not between 0 and 100`);
  return { value: Number(parsed.value) };
}

/** `2026-06-15T03:00:00Z/PT15M`, or only its start. */
export function parseIntervalText(text: string): Parsed<string> {
  const year = yearFault(text);
  if (year !== undefined) return { fault: year };
  const full = text.includes('/') ? text : `${text}/PT15M`;
  if (parseInterval(full) === undefined)
    return fault(
      'notation.interval',
      `'${text}' is not a delivery interval`,
      'a quarter of an hour in UTC: 2026-06-15T03:00:00Z/PT15M is 10:00 to 10:15 in Bangkok',
    );
  return { value: full };
}

export function parseTimeText(text: string): Parsed<string> {
  const year = yearFault(text);
  if (year !== undefined) return { fault: year };
  if (parseTime(text) === undefined)
    return fault('notation.time', `'${text}' is not a time`, 'in UTC: 2026-06-15T03:00:00Z');
  return { value: text };
}

const pointerOf = (path: readonly PropertyKey[]): string =>
  path.map((step) => `/${String(step).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');

/** Every string in an operation that is written as one may, but means something else. */
function misread(value: unknown, pointer: string): NotationFault[] {
  if (typeof value === 'string') {
    const found = yearFault(value.startsWith('KWH:') ? value.slice(4) : value) ?? separatorFault(value);
    return found === undefined ? [] : [{ ...found, pointer }];
  }
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => misread(inner, `${pointer}${pointerOf([key])}`));
}

/** An operation by the ledger's own schema, or everything that is wrong with it. */
export function checkOperation(
  value: unknown,
): { readonly operation: Operation } | { readonly faults: readonly NotationFault[] } {
  const type: unknown = typeof value === 'object' && value !== null && 'type' in value ? value.type : undefined;
  if (!isOperationType(type)) {
    const known = Object.keys(operationSchemas).join(', ');
    const reason = type === undefined ? 'an operation has a type' : 'there is no operation of this type';
    return {
      faults: [
        {
          code: type === undefined ? 'envelope.schema' : 'envelope.unknownOperation',
          pointer: '/type',
          reason,
          hint: `one of ${known}`,
        },
      ],
    };
  }
  const notation = misread(value, '');
  const parsed = operationSchemas[type].safeParse(value);
  if (parsed.success && notation.length === 0) return { operation: parsed.data };
  const named = new Set(notation.map(({ pointer }) => pointer));
  const issues = parsed.success
    ? []
    : parsed.error.issues.map((issue): NotationFault => {
        const extra = issue.code === 'unrecognized_keys' ? [issue.keys[0] ?? ''] : [];
        return { code: 'envelope.schema', pointer: pointerOf([...issue.path, ...extra]), reason: issue.message };
      });
  return { faults: [...notation, ...issues.filter(({ pointer }) => !named.has(pointer))] };
}
