import { noble } from '@gridtokenx/crypto';
import { formatDecimal, parseInterval } from '@gridtokenx/kernel';
import {
  bandAt,
  entryAt,
  identityOfKind,
  placeOfZone,
  retailRateAt,
  surplusRateOf,
  termsIn,
  topUpRateAt,
  type ConsortiumGenesis,
  type TariffEntry,
} from '@gridtokenx/protocol';
import { knownBook, readBillLine, readTariffBook, TariffBill, TariffError, type KnownBook } from '../tariff-bill.js';
import type { Row } from '../views.js';
import { CliError, EXIT, usage, type Command, type Context, type Option } from './command.js';
import { parseIntervalText } from './notation.js';
import { checked, send, sendOptions, signed } from './submit.js';
import { anchorOf, genesisOption, readBytes, readJson, readText } from './shared.js';
import { tableOf, type Columns } from './table.js';

const bookOptions: Readonly<Record<string, Option>> = {
  genesis: { ...genesisOption, about: 'your copy of the genesis file: it has version 1, and where zones lie' },
  book: {
    value: 'FILE',
    about: 'a version of the tariff book, or what `GET /v1/tariffs/{version}` answers; again for each',
    many: true,
  },
};

interface Given {
  /** In the order of their versions. */
  readonly books: readonly KnownBook[];
  readonly zones: ConsortiumGenesis['zones'];
}

/** A fault of a file or a line, as the command line tells it. */
function told<T>(from: string, of: () => T, line?: number): T {
  try {
    return of();
  } catch (error) {
    if (!(error instanceof TariffError)) throw error;
    const { code, message, pointer, hint } = error;
    throw new CliError(code, `${from}: ${message}`, { pointer, ...(hint && { hint }), ...(line && { line }) });
  }
}

function given(context: Context): Given {
  const genesis =
    context.get('genesis') === undefined ? undefined : identityOfKind(anchorOf(context).identity, 'consortium').genesis;
  const books = context
    .all('book')
    .map((path) => told(path, () => readTariffBook(readBytes(context, path), noble)))
    .concat(genesis === undefined ? [] : [knownBook(genesis.tariffs)])
    .sort((a, b) => a.book.version - b.book.version);
  if (books.length === 0) throw usage('give --genesis, or --book for each version');
  for (const [i, { book, hash }] of books.entries())
    if (books[i + 1]?.book.version === book.version && books[i + 1]?.hash !== hash)
      throw new CliError('tariff.otherHash', `there are two books of version ${book.version}`, {
        hint: `${hash} and ${books[i + 1]?.hash}`,
      });
  return { books, zones: genesis?.zones ?? [] };
}

/** The newest of them, or the one that is asked for. */
function chosen(context: Context, { books }: Given): KnownBook {
  const version = context.get('version');
  const known = version === undefined ? books.at(-1) : books.find(({ book }) => String(book.version) === version);
  if (known === undefined) throw new CliError('tariff.otherVersion', `version ${version} is not among the books`);
  return known;
}

const versionOption: Option = { value: 'N', about: 'of these, instead of the newest one' };
const thb = (rate: number): string => formatDecimal(BigInt(rate), 4, 2);
const percent = (ratio: number): string => `${formatDecimal(BigInt(ratio), 2)} %`;
const spread = (values: readonly number[]): string => [...new Set(values.map(thb))].join(' / ');

const ENTRY_COLUMNS: Columns = [
  ['from', 'validFrom'],
  ['to', 'validTo'],
  ['status', 'status'],
  ['grid fee', 'gridFee'],
  ['platform', 'platformFee'],
  ['VAT', 'vat'],
  ['wheeling THB/kWh', 'wheeling'],
  ['Ft THB/kWh', 'ft'],
  ['feed-in THB/kWh', 'feedIn'],
  ['source', 'source'],
];

const rowOf = ({
  validFrom,
  validTo,
  status,
  source,
  gridFee,
  platformFee,
  vat,
  wires,
  ft,
  feedIn,
}: TariffEntry): Row => ({
  validFrom,
  validTo: validTo ?? 'further notice',
  status,
  gridFee: percent(gridFee),
  platformFee: percent(platformFee),
  vat: percent(vat.rate),
  wheeling: spread(wires.map(({ wheeling }) => wheeling)),
  ft: spread([ft.rate, ...ft.byClass.map(({ rate }) => rate)]),
  feedIn: thb(feedIn),
  source,
});

export const tariffShow: Command = {
  name: 'tariff show',
  about: 'check a tariff book, and show its entries and the hash that fills are priced under',
  options: { ...bookOptions, version: versionOption },
  examples: ['tariff show --genesis genesis.json', 'tariff show --book tariff-book.json'],
  run: async (context) => {
    const { book, hash } = chosen(context, given(context));
    const { years, decisions } = book.calendar;
    const calendar = `calendar of ${years.map(({ year }) => year).join(', ') || 'no year'}; ${decisions.length} decisions about days`;
    context.say(
      [`version ${book.version}  ${hash}`, tableOf(ENTRY_COLUMNS, book.entries.map(rowOf)), calendar].join('\n'),
      { version: book.version, hash, book },
    );
  },
};

export const tariffAt: Command = {
  name: 'tariff at',
  about: 'what holds in a delivery interval: its band, what energy costs, and what trading between two zones costs',
  options: {
    ...bookOptions,
    version: versionOption,
    interval: { value: 'INTERVAL', about: 'a quarter of an hour in UTC: 2026-06-15T03:00:00Z/PT15M', required: true },
    zone: { value: 'ZONE', about: 'with --genesis: where the energy is delivered' },
    'from-zone': { value: 'ZONE', about: 'where it comes from: the same zone by default' },
  },
  examples: ['tariff at --genesis genesis.json --interval 2026-06-15T03:00:00Z/PT15M --zone MEA-BKK-01'],
  run: async (context) => {
    const all = given(context);
    const { book, hash } = chosen(context, all);
    const parsed = parseIntervalText(context.need('interval'));
    if ('fault' in parsed) throw usage(parsed.fault.reason, parsed.fault.hint);
    const start = parseInterval(parsed.value) ?? Number.NaN;
    const entry = entryAt(book, start);
    if (entry === undefined)
      throw new CliError('tariff.noEntry', `${parsed.value} has no entry in version ${book.version}`);
    const { calendar } = book;
    const band = bandAt(entry, calendar, start);
    const retail = entry.retail.flatMap(({ schedule }) => {
      const rate = retailRateAt(entry, calendar, schedule, start);
      return rate === undefined ? [] : [{ schedule, rate }];
    });
    const [topUpRate, surplusRate] = [topUpRateAt(entry, calendar, start), surplusRateOf(entry)];
    const zone = context.get('zone');
    const [from, to] = [context.get('from-zone') ?? zone, zone].map((id) => {
      const found = all.zones.find((one) => one.id === id);
      if (id !== undefined && found === undefined)
        throw new CliError('tariff.unknownZone', `the genesis has no zone ${id}`);
      return found && placeOfZone(found);
    });
    const terms = from && to && termsIn(entry, book.calendar, { from, to, start });
    const lines = [
      `version ${book.version}  ${hash}`,
      `${entry.validFrom} to ${entry.validTo ?? 'further notice'} (${entry.status}): ${band ?? 'no band, since its year was not declared'}`,
      ...retail.map(({ schedule, rate }) => `retail ${schedule}: ${thb(rate)} THB/kWh with Ft, before tax`),
      `top-up ${topUpRate === undefined ? '-' : thb(topUpRate)} THB/kWh, surplus ${thb(surplusRate)} THB/kWh`,
      ...(terms === undefined
        ? []
        : [
            `buyer pays ${terms.buyerFee.numerator}/${terms.buyerFee.denominator} of the notional, seller ${terms.sellerFee.numerator}/${terms.sellerFee.denominator}`,
            `wheeling ${thb(terms.wheeling)} THB/kWh: ${thb(terms.wheelingFrom)} for the wires it leaves, ${thb(terms.wheelingTax)} tax`,
          ]),
    ];
    context.say(lines.join('\n'), {
      version: book.version,
      hash,
      interval: parsed.value,
      validFrom: entry.validFrom,
      status: entry.status,
      ...(band && { band }),
      retail,
      ...(topUpRate !== undefined && { topUpRate }),
      surplusRate,
      ...(terms && { terms }),
    });
  },
};

export const tariffBill: Command = {
  name: 'tariff bill',
  about: 'compute the lines of a bill again, offline; exit code 0 when each is what it claims',
  options: {
    ...bookOptions,
    lines: {
      value: 'FILE',
      about:
        'one JSON object a line: facts of the ledger, or {"kind": "retail", "schedule", "interval", "quantityWh", ...}',
      required: true,
    },
  },
  examples: ['tariff bill --genesis genesis.json --book version-2.json --lines bill.ndjson'],
  run: async (context) => {
    const { books, zones } = given(context);
    const bill = new TariffBill(books, zones);
    const path = context.need('lines');
    const lines = readText(context, path)
      .split('\n')
      .flatMap((text, i) => {
        if (text.trim() === '') return [];
        const value = readJson(context, text, `${path} line ${i + 1}`);
        return [{ number: i + 1, ...told(path, () => bill.line(readBillLine(value)), i + 1) }];
      });
    const wrong = lines.flatMap(({ number, differs }) => differs.map((one) => ({ line: number, ...one })));
    const text = lines.map(({ number, line, version, computed }) =>
      [
        number,
        line.kind,
        line.interval,
        `version ${version}`,
        ...Object.entries(computed).map(([k, v]) => `${k} ${v}`),
      ].join('  '),
    );
    const faults = wrong.map(
      ({ line, field, claimed, computed }) => `line ${line}: ${field} is ${computed}, not ${claimed}`,
    );
    context.say([...text, ...faults, `${lines.length} lines, ${wrong.length} figures that differ`].join('\n'), {
      lines: lines.map(({ number, version, hash, computed }) => ({ line: number, version, hash, ...computed })),
      differs: wrong,
    });
    return wrong.length === 0 ? EXIT.ok : EXIT.refused;
  },
};

export const tariffPublish: Command = {
  name: 'tariff publish',
  about: 'publish the entries of a book as the next version; it is checked before anything is signed',
  options: {
    book: { value: 'FILE', about: 'the whole book; its version is one above the newest one', required: true },
    ...sendOptions,
  },
  examples: [
    'tariff publish --url http://127.0.0.1:8080 --key authority.key --genesis genesis.json --book version-2.json --wait',
  ],
  run: async (context) => {
    const path = context.need('book');
    const { book } = told(path, () => readTariffBook(readBytes(context, path), noble));
    const operation = checked({ type: 'tariffs.publish', basedOn: book.version - 1, entries: book.entries }, '');
    return send(context, await signed(context, [operation]));
  },
};

export const tariffDecide: Command = {
  name: 'tariff decide',
  about: 'declare the holidays of a year, or decide how days are billed',
  options: {
    decision: {
      value: 'FILE',
      about: '{"kind": "billDays", "decidedOn", "days": [{"date", "billedAs"}], "source"}, or "declareYear"',
      required: true,
    },
    ...sendOptions,
  },
  examples: [
    'tariff decide --url http://127.0.0.1:8080 --key authority.key --genesis genesis.json --decision decision.json --wait',
  ],
  run: async (context) => {
    const path = context.need('decision');
    const decision = readJson(context, readText(context, path), path);
    const operation = checked({ type: 'tariffs.decideCalendar', decision }, '');
    return send(context, await signed(context, [operation]));
  },
};

export const TARIFF_COMMANDS: readonly Command[] = [tariffShow, tariffAt, tariffBill, tariffPublish, tariffDecide];
