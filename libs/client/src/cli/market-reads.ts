import { EXIT, type Command, type Context, type Option } from './command.js';
import { at, decimalAt, listCommand, readCommand, type ListTerms, type OneTerms } from './listing.js';
import { clientOf, urlOption } from './shared.js';

/** Markets, settlement and the network, as the gateway shows them. */

const ofMarket = (terms: ListTerms): Command => listCommand('market', clientOf, terms);
const ofNetwork = (terms: ListTerms): Command => listCommand('network', clientOf, terms);
const oneOfMarket = (terms: OneTerms): Command => readCommand('market', clientOf, terms);

const account: Option = { value: 'ID', about: '32 hex digits' };
const bookOptions: Readonly<Record<string, Option>> = {
  mechanism: { value: 'NAME', about: 'continuous or auction' },
  phase: { value: 'NAME', about: 'forward or spot' },
  'from-zone': { value: 'ZONE', about: 'where the energy comes from' },
  'to-zone': { value: 'ZONE', about: 'where it is delivered' },
  interval: { value: 'INTERVAL', about: 'a quarter of an hour in UTC, or its start' },
};
const BOOK_WHERE = Object.keys(bookOptions);
const needed = (option: Option | undefined): Option => ({ value: '', about: '', ...option, required: true });
const part = (context: Context, name: string): string => encodeURIComponent(context.need(name));
const thb = (...path: readonly string[]) => decimalAt(6, ...path);
const kwh = (...path: readonly string[]) => decimalAt(3, ...path);

const bookCells = {
  mechanism: at('mechanism'),
  phase: at('phase'),
  from: at('fromZone'),
  to: at('toZone'),
  interval: at('interval'),
};

const statementCommand: Command = {
  name: 'statement',
  about: 'what an account, or a utility, measured, traded and was paid in a period, as the gateway makes it',
  options: {
    url: { ...urlOption, required: true },
    account: { ...account, required: true },
    from: { value: 'TIME', about: 'of the first interval: 2026-06-01T00:00:00Z', required: true },
    to: { value: 'TIME', about: 'intervals that start then, or later, do not count', required: true },
    utility: { about: 'the account is that of a grid operator' },
    csv: { about: 'rows as CSV instead of JSON' },
    out: { value: 'FILE', about: 'where it goes instead of the screen' },
  },
  examples: [
    'statement --url http://127.0.0.1:8080 --account <32 hex digits> --from 2026-06-01T00:00:00Z --to 2026-07-01T00:00:00Z --csv --out june.csv',
  ],
  run: async (context) => {
    const [from, to] = [context.need('from'), context.need('to')];
    const format = context.flag('csv') ? 'csv' : 'json';
    const utility = context.flag('utility');
    const text = await clientOf(context).statement(context.need('account'), { from, to, format, utility });
    const file = context.get('out');
    if (file === undefined) context.say(text.trimEnd(), { statement: text });
    else {
      context.io.files.replace(file, text);
      context.say(`${file}: written`, { file });
    }
    return EXIT.ok;
  },
};

export const MARKET_READS: readonly Command[] = [
  ofMarket({
    name: 'books',
    about: 'books with the terms that they trade under, those that opened last first',
    options: { ...bookOptions, open: { value: 'true|false', about: 'those alone that are not closed, or that are' } },
    example: '--open true',
    path: () => '/markets',
    where: [...BOOK_WHERE, 'open'],
    cells: {
      ...bookCells,
      'closes at': at('closesAt'),
      'closed in block': at('closedHeight'),
      tariff: at('tariffVersion'),
      'wheeling THB/kWh': decimalAt(4, 'wheeling'),
    },
  }),
  oneOfMarket({
    name: 'book',
    about: 'the order book of two zones and an interval; of several, the one that opened last',
    options: {
      'from-zone': needed(bookOptions['from-zone']),
      'to-zone': needed(bookOptions['to-zone']),
      interval: needed(bookOptions['interval']),
      mechanism: { value: 'NAME', about: 'continuous or auction' },
      phase: { value: 'NAME', about: 'forward or spot' },
    },
    example: '--from-zone MEA-BKK-01 --to-zone MEA-BKK-01 --interval 2026-06-15T03:00:00Z/PT15M',
    path: (context) => {
      const asked = ['mechanism', 'phase'].flatMap((name) => {
        const value = context.get(name);
        return value === undefined ? [] : [`${name}=${encodeURIComponent(value)}`];
      });
      const place = ['from-zone', 'to-zone', 'interval'].map((name) => part(context, name)).join('/');
      return `/markets/${place}/book${asked.length === 0 ? '' : `?${asked.join('&')}`}`;
    },
  }),
  ofMarket({
    name: 'trades',
    about: 'trades, newest first',
    options: { account, ...bookOptions },
    example: '--account <32 hex digits>',
    path: () => '/trades',
    where: ['account', ...BOOK_WHERE],
    cells: {
      trade: at('trade'),
      ...bookCells,
      'THB/kWh': at('priceThbPerKwh'),
      kWh: at('energyKwh'),
      THB: at('totalThb'),
      'grid fee THB': at('gridFeeThb'),
      'wheeling THB': at('wheelingThb'),
      tariff: at('tariffVersion'),
    },
  }),
  ofMarket({
    name: 'contracts',
    about: 'forward trades, and what was delivered of them',
    options: {
      account,
      ...bookOptions,
      open: { value: 'true|false', about: 'those alone that are not settled, or that are' },
    },
    example: '--account <32 hex digits> --open true',
    path: () => '/contracts',
    where: ['account', ...BOOK_WHERE.filter((name) => name !== 'phase'), 'open'],
    cells: {
      trade: at('trade'),
      from: at('fromZone'),
      to: at('toZone'),
      interval: at('interval'),
      kWh: at('energyKwh'),
      'THB/kWh': at('priceThbPerKwh'),
      status: at('status'),
      'kWh delivered': kwh('settled', 'deliveredWh'),
    },
  }),
  ofMarket({
    name: 'positions',
    about: 'what settled positions of an account came to, and what corrections made of it',
    options: { account: { ...account, required: true } },
    example: '--account <32 hex digits>',
    path: (context) => `/accounts/${part(context, 'account')}/positions`,
    cells: {
      zone: at('fact', 'zone'),
      interval: at('fact', 'interval'),
      'kWh in': kwh('fact', 'importWh'),
      'kWh out': kwh('fact', 'exportWh'),
      'kWh bought': kwh('fact', 'boughtWh'),
      'kWh used': kwh('fact', 'retiredWh'),
      'kWh left over': kwh('fact', 'surplusWh'),
      'THB for it': thb('fact', 'amount'),
      correction: at('fact', 'correction'),
    },
  }),
  ofMarket({
    name: 'clearings',
    about: 'auctions of a delivery interval, which `verify clearing` checks',
    options: { ...bookOptions, interval: needed(bookOptions['interval']) },
    example: '--interval 2026-06-15T03:00:00Z/PT15M',
    path: (context) => `/intervals/${part(context, 'interval')}/clearings`,
    where: ['phase', 'from-zone', 'to-zone'],
    cells: {
      block: at('height'),
      phase: at('fact', 'phase'),
      from: at('fact', 'fromZone'),
      to: at('fact', 'toZone'),
      'THB/kWh': decimalAt(2, 'fact', 'priceTicks'),
      kWh: kwh('fact', 'volumeWh'),
      bids: at('fact', 'bids'),
      asks: at('fact', 'asks'),
      trades: at('fact', 'trades'),
    },
  }),
  ofMarket({
    name: 'rules',
    about: 'versions of the rules of the market',
    path: () => '/rules',
    cells: {
      version: at('id'),
      'valid from': at('validFrom'),
      'forward days': at('rules', 'forwardDays'),
      'gate ms': at('rules', 'gateMs'),
      'spot ms': at('rules', 'spotMs'),
      allocation: at('rules', 'allocation'),
      cycle: at('rules', 'cycle'),
    },
  }),
  ofMarket({
    name: 'decisions',
    about: 'what the regulator decided, and where trading stopped and reopened by itself',
    path: () => '/supervision',
    cells: {
      time: at('time'),
      what: at('fact', 'type'),
      account: at('fact', 'account'),
      from: at('fact', 'fromZone'),
      to: at('fact', 'toZone'),
      until: at('fact', 'until'),
      reference: at('fact', 'reference'),
    },
  }),
  ofNetwork({
    name: 'links',
    about: 'links between zones, and what each carries per interval in each direction',
    path: () => '/network/links',
    cells: {
      link: at('id'),
      from: at('fromZone'),
      to: at('toZone'),
      'kWh forward': kwh('forwardWh'),
      'kWh backward': kwh('backwardWh'),
    },
  }),
  ofNetwork({
    name: 'restrictions',
    about: 'curtailment and maintenance, and what they meant for trade',
    options: { status: { value: 'STATUS', about: 'ordered, lifted or ended' } },
    path: () => '/network/restrictions',
    where: ['status'],
    cells: {
      restriction: at('id'),
      kind: at('kind'),
      from: at('firstInterval'),
      to: at('lastInterval'),
      status: at('status'),
      'orders ended': at('enforced', 'orders'),
      'contracts cut': at('enforced', 'contracts'),
    },
  }),
  ofNetwork({
    name: 'alerts',
    about: 'alerts of grid operators',
    options: { zone: { value: 'ZONE', about: 'of this one' }, status: { value: 'STATUS', about: 'raised or cleared' } },
    path: () => '/network/alerts',
    where: ['zone', 'status'],
    cells: {
      zone: at('zone'),
      kind: at('kind'),
      severity: at('severity'),
      reference: at('reference'),
      status: at('status'),
    },
  }),
  listCommand('readings', clientOf, {
    name: 'list',
    about: 'the readings of a meter with all their versions, newest interval first',
    options: { meter: { value: 'ID', about: '32 hex digits', required: true } },
    example: '--meter <32 hex digits>',
    path: (context) => `/meters/${part(context, 'meter')}/readings`,
    cells: {
      interval: at('interval'),
      version: at('version'),
      quality: at('quality'),
      'kWh in': kwh('consumedWh'),
      'kWh out': kwh('producedWh'),
    },
  }),
  statementCommand,
];
