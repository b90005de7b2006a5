import { formatTime, INTERVAL_MS, parseTime } from '@gridtokenx/kernel';
import { READINGS_PER_OPERATION_MAX, REGISTER_DIGITS_MAX, rejections, type RejectionCode } from '@gridtokenx/protocol';
import { GridProblem, isRecord } from '../problem.js';
import {
  isTimeZone,
  outcomesOf,
  parcelsOfReadings,
  readingOperation,
  readMeters,
  readReadings,
  TIME_ZONES,
  type KnownMeter,
  type Reading,
  type ReadingOutcome,
  type ReadingsFault,
  type ReadingsFile,
  type ReadingsGap,
  type ReadingsLine,
  type ReadingsParcel,
  type ReadingsTerms,
} from '../readings/index.js';
import type { GridClient } from '../client.js';
import type { SignedEnvelope, Signer } from '../signing.js';
import type { OperationView } from '../views.js';
import { CliError, EXIT, usage, type Command, type Context, type Option } from './command.js';
import { parseTimeText, type Parsed } from './notation.js';
import {
  clientOf,
  durationOf,
  readBytes,
  rememberSequence,
  signerOf,
  signOptions,
  urlOption,
  validForMs,
} from './shared.js';

/** What became of a line. Beside what a file says by itself: whether the ledger has its reading. */
type Status = Exclude<ReadingsLine['status'], 'reading'> | 'good' | 'recorded' | 'pending' | 'notSent';

interface LineResult {
  readonly line: number;
  readonly status: Status;
  readonly meter?: string;
  readonly interval?: string;
  readonly of?: number;
  readonly outOfOrder?: true;
  readonly faults?: readonly ReadingsFault[];
  /** By which another run of the upload knows the reading again. */
  readonly reading?: string;
  readonly operationId?: string;
  /** Of the ledger or the gateway. */
  readonly code?: string;
  readonly reason?: string;
}

const fileOptions: Readonly<Record<string, Option>> = {
  file: { value: 'FILE', about: 'readings.csv or readings.ndjson', required: true },
  meters: { value: 'FILE', about: 'meters.csv, which gives the names of the file their ledger ids' },
  operator: { value: 'ID', about: 'your organisation: lines of meters of other operators are refused' },
  'time-zone': { value: 'ZONE', about: `of stamps without an offset: ${Object.keys(TIME_ZONES).join(' or ')}` },
  'register-digits': {
    value: 'N',
    about: 'digits of Wh after which registers begin again, where meters.csv does not say',
  },
  from: { value: 'TIME', about: 'with --to: the file should be complete from here, in UTC' },
  to: { value: 'TIME', about: 'to here; intervals without a reading are reported' },
  results: { value: 'FILE', about: 'what became of each line, as NDJSON' },
};

export const readingsCheck: Command = {
  name: 'readings check',
  about: 'check a file of meter readings (CSV or NDJSON): no key, no gateway, nothing is sent',
  options: { ...fileOptions, 'market-time': { value: 'TIME', about: 'later readings are of the future' } },
  examples: [
    'readings check --file readings.csv --time-zone Asia/Bangkok',
    'readings check --file registers.csv --meters meters.csv --from 2026-06-14T17:00:00Z --to 2026-06-15T17:00:00Z',
  ],
  run: async (context) => {
    const now = context.get('market-time') === undefined ? undefined : timeOf(context, 'market-time');
    const file = readFile(context, now);
    const results = new Results(file.lines);
    return report(context, results, file, 'good');
  },
};

export const readingsUpload: Command = {
  name: 'readings upload',
  about: 'sign and send a file of meter readings; what the ledger has already is not recorded twice',
  options: {
    url: { ...urlOption, required: true },
    ...fileOptions,
    results: {
      value: 'FILE',
      about: 'what became of each line, as NDJSON; what it says was recorded is not sent again',
    },
    'readings-per-operation': { value: 'N', about: `1 to ${READINGS_PER_OPERATION_MAX}, 250 by default` },
    timeout: { value: 'TIME', about: 'how long to wait for the ledger each time: 60s by default' },
    ...signOptions,
  },
  examples: [
    'readings upload --url http://127.0.0.1:8080 --key meters.key --genesis genesis.json --file readings.csv --meters meters.csv --time-zone Asia/Bangkok --results results.ndjson',
  ],
  run: async (context) => {
    const perOperation = numberOf(context, 'readings-per-operation', READINGS_PER_OPERATION_MAX) ?? 250;
    const client = clientOf(context);
    const file = readFile(context, await marketTimeOf(client));
    const results = new Results(file.lines);
    const done = recordedBefore(context);
    const fresh = file.readings.filter((reading) => {
      const before = done.get(nameOf(reading));
      if (before !== undefined) results.change(reading, { status: 'recorded', operationId: before });
      return before === undefined;
    });
    if (fresh.length > 0) await upload(context, client, fresh, perOperation, results);
    return report(context, results, file, 'recorded');
  },
};

/** By its content: the same reading in another file, or on another line, is the same. */
const nameOf = (reading: Reading): string => JSON.stringify(readingOperation(reading));

class Results {
  private readonly byLine: Map<number, LineResult>;

  constructor(lines: readonly ReadingsLine[]) {
    this.byLine = new Map(
      lines.map((line) => [line.line, { ...line, status: line.status === 'reading' ? 'good' : line.status }]),
    );
  }

  change(reading: Reading, change: Pick<LineResult, 'status' | 'operationId' | 'code' | 'reason'>): void {
    const { line } = reading;
    const known = this.byLine.get(line);
    if (known === undefined) return;
    // What an earlier pass was refused by is no longer said.
    const { meter = '', interval = '', outOfOrder } = known;
    const said = { line, meter, interval, ...(outOfOrder === true && { outOfOrder }) };
    this.byLine.set(line, { ...said, reading: nameOf(reading), ...change });
  }

  codeOf({ line }: Reading): string | undefined {
    return this.byLine.get(line)?.code;
  }

  inOrder(): LineResult[] {
    return [...this.byLine.values()].sort((a, b) => a.line - b.line);
  }

  save(context: Context): void {
    const path = context.get('results');
    if (path === undefined) return;
    context.io.files.replace(
      path,
      this.inOrder()
        .map((line) => `${JSON.stringify(line)}\n`)
        .join(''),
    );
  }
}

/** What an earlier upload with the same --results has recorded, with the operation that did. */
function recordedBefore(context: Context): ReadonlyMap<string, string> {
  const path = context.get('results');
  const done = new Map<string, string>();
  if (path === undefined || !context.io.files.exists(path)) return done;
  const text = new TextDecoder().decode(readBytes(context, path));
  for (const [i, line] of text.split('\n').entries()) {
    if (line === '') continue;
    const result = resultOf(line);
    if (result === undefined)
      throw new CliError('readings.results', `${path}:${i + 1} is no line of results`, { hint: 'name another file' });
    if (result['status'] === 'recorded' && typeof result['reading'] === 'string')
      done.set(result['reading'], typeof result['operationId'] === 'string' ? result['operationId'] : '');
  }
  return done;
}

function resultOf(line: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return isRecord(value) && typeof value['line'] === 'number' ? value : undefined;
  } catch {
    return undefined;
  }
}

type GoodFile = Exclude<ReadingsFile, { readonly refused: unknown }>;

/** A file that is refused whole ends the command. */
function readFile(context: Context, now: number | undefined): GoodFile {
  const path = context.need('file');
  const format = formatOf(path);
  const terms: ReadingsTerms = {
    meters: metersOf(context),
    operator: operatorOf(context),
    timeZone: timeZoneOf(context),
    registerDigits: numberOf(context, 'register-digits', REGISTER_DIGITS_MAX),
    now,
    period: periodOf(context),
  };
  const file = readReadings(readBytes(context, path), format, terms);
  if (!('refused' in file)) return file;
  for (const fault of file.refused) context.note(describe(path, fault.line, fault));
  const [first] = file.refused;
  throw new CliError(first?.code ?? 'readings.refused', `${path} is refused whole`, { line: first?.line ?? 1 });
}

function formatOf(path: string): 'csv' | 'ndjson' {
  if (/\.csv$/i.test(path)) return 'csv';
  if (/\.(ndjson|jsonl)$/i.test(path)) return 'ndjson';
  throw usage(`${path} is neither .csv nor .ndjson`);
}

function metersOf(context: Context): ReadonlyMap<string, KnownMeter> | undefined {
  const path = context.get('meters');
  if (path === undefined) return undefined;
  const list = readMeters(readBytes(context, path));
  if ('meters' in list) return list.meters;
  for (const { line, code, reason } of list.faults) context.note(`${path}:${line}: ${code}: ${reason}`);
  const [first] = list.faults;
  throw new CliError(first?.code ?? 'meters.header', `${path} is refused whole`, { line: first?.line ?? 1 });
}

function operatorOf(context: Context): string | undefined {
  const operator = context.get('operator');
  if (operator === undefined || /^[0-9a-f]{32}$/.test(operator)) return operator;
  throw usage('--operator is 32 hex digits in lower case');
}

function timeZoneOf(context: Context): ReadingsTerms['timeZone'] {
  const zone = context.get('time-zone');
  if (zone === undefined || isTimeZone(zone)) return zone;
  throw usage(`--time-zone is ${Object.keys(TIME_ZONES).join(' or ')}`);
}

function numberOf(context: Context, name: string, most: number): number | undefined {
  const text = context.get(name);
  if (text === undefined) return undefined;
  const value = /^\d{1,4}$/.test(text) ? Number(text) : 0;
  if (value < 1 || value > most) throw usage(`--${name} is 1 to ${most}`);
  return value;
}

function timeOf(context: Context, name: string): number {
  const parsed: Parsed<string> = parseTimeText(context.need(name));
  if ('fault' in parsed) throw usage(`--${name}: ${parsed.fault.reason}`, parsed.fault.hint);
  return parseTime(parsed.value) ?? 0;
}

function periodOf(context: Context): ReadingsTerms['period'] {
  if (context.get('from') === undefined && context.get('to') === undefined) return undefined;
  const period = { from: timeOf(context, 'from'), to: timeOf(context, 'to') };
  if (period.from % INTERVAL_MS !== 0 || period.to % INTERVAL_MS !== 0 || period.from >= period.to)
    throw usage('--from and --to are on quarters of an hour, and --from comes first');
  return period;
}

/** Of the newest block: what the ledger would say is of the future is not sent. */
async function marketTimeOf(client: GridClient): Promise<number | undefined> {
  for await (const { marketTime } of client.blocks({ pageSize: 1 }))
    return typeof marketTime === 'string' ? parseTime(marketTime) : undefined;
  return undefined;
}

/** So many operations are under way at once. */
const OPERATIONS_PER_REQUEST = 40;

/** Others may have filled the block, or a version came before the one that it follows: the same reading may be taken the next time. */
const SENT_AGAIN: ReadonlySet<string> = new Set<RejectionCode>(['metering.blockFull', 'metering.outOfSequence']);

/** All, and once more what the ledger may take the next time, as long as that becomes less. */
async function upload(
  context: Context,
  client: GridClient,
  readings: readonly Reading[],
  perOperation: number,
  results: Results,
): Promise<void> {
  const signer = await signerOf(context);
  for (const reading of readings) results.change(reading, { status: 'notSent' });
  let todo = readings;
  for (;;) {
    const isKnown = await pass(context, client, signer, parcelsOfReadings(todo, perOperation), results);
    const again = todo.filter((reading) => SENT_AGAIN.has(results.codeOf(reading) ?? ''));
    if (!isKnown || again.length === 0 || again.length === todo.length) return;
    todo = again;
  }
}

/** Request by request: what is decided stands in the results before the next is sent. False as {@link send} says. */
async function pass(
  context: Context,
  client: GridClient,
  signer: Signer,
  parcels: readonly ReadingsParcel[],
  results: Results,
): Promise<boolean> {
  const timeoutMs = durationOf(context.get('timeout') ?? '60s', 'timeout');
  for (let at = 0; at < parcels.length; at += OPERATIONS_PER_REQUEST) {
    const part = parcels.slice(at, at + OPERATIONS_PER_REQUEST).map((parcel) => ({
      parcel,
      envelope: signer.sign([parcel.operation], validForMs(context)),
    }));
    rememberSequence(context, signer);
    const isKnown = await send(context, client, part, results, timeoutMs);
    results.save(context);
    if (!isKnown) return false;
  }
  return true;
}

interface Sent {
  readonly parcel: ReadingsParcel;
  readonly envelope: SignedEnvelope;
}

/** False when the gateway no longer answers, or the ledger no longer decides: then the rest is not sent. */
async function send(
  context: Context,
  client: GridClient,
  part: readonly Sent[],
  results: Results,
  timeoutMs: number,
): Promise<boolean> {
  const lines = new Map<number, { readonly accepted: boolean; readonly code: string; readonly reason: string }>();
  try {
    const answers = await client.submitBatch(
      part.map(({ envelope }) => envelope),
      'partial',
    );
    for (const { line, status, problem } of answers)
      lines.set(line, {
        accepted: status === 'accepted',
        code: problem?.code ?? 'client.badAnswer',
        reason: problem?.detail ?? '',
      });
  } catch (error) {
    if (!(error instanceof GridProblem)) throw error;
    context.note(`${error.code}: ${error.detail}`);
    const own = new Map(error.errors.map((one) => [one.line, one]));
    for (const [i, { parcel, envelope }] of part.entries()) {
      const { code = error.code, detail = error.detail } = own.get(i + 1) ?? {};
      // Without an answer it may have arrived all the same.
      const status = error.status === 0 ? 'pending' : isBusy(error) ? 'notSent' : 'refused';
      note(results, parcel, envelope, () => ({ status, code, ...(detail !== '' && { reason: detail }) }));
    }
    return error.status !== 0 && !isBusy(error);
  }
  let isDecided = true;
  for (const [i, { parcel, envelope }] of part.entries()) {
    const answer = lines.get(i + 1);
    if (answer?.accepted !== true) {
      const { code = 'client.badAnswer', reason = '' } = answer ?? {};
      note(results, parcel, envelope, () => ({ status: 'refused', code, ...(reason !== '' && { reason }) }));
      continue;
    }
    const view: OperationView | undefined = isDecided ? await decided(client, envelope, timeoutMs) : undefined;
    isDecided &&= view !== undefined;
    const outcomes = outcomesOf(parcel, view);
    note(results, parcel, envelope, (n) => told(outcomes[n] ?? { status: 'pending' }));
  }
  return isDecided;
}

const isBusy = ({ status }: GridProblem): boolean => status === 429 || status === 503;

async function decided(
  client: GridClient,
  envelope: SignedEnvelope,
  timeoutMs: number,
): Promise<OperationView | undefined> {
  try {
    return await client.follow(envelope.operationIds[0] ?? '', { timeoutMs });
  } catch (error) {
    if (error instanceof GridProblem && error.status === 0) return undefined;
    throw error;
  }
}

function told(outcome: ReadingOutcome): Pick<LineResult, 'status' | 'code' | 'reason'> {
  if (outcome.status !== 'refused') return { status: outcome.status };
  const { code } = outcome;
  const reason = Object.hasOwn(rejections, code) ? rejections[code as RejectionCode].text : '';
  return { status: 'refused', code, ...(reason !== '' && { reason }) };
}

function note(
  results: Results,
  { readings }: ReadingsParcel,
  { operationIds: [operationId = ''] }: SignedEnvelope,
  changeOf: (index: number) => Pick<LineResult, 'status' | 'code' | 'reason'>,
): void {
  for (const [i, reading] of readings.entries()) results.change(reading, { operationId, ...changeOf(i) });
}

function report(context: Context, results: Results, { gaps }: GoodFile, wanted: 'good' | 'recorded'): number {
  results.save(context);
  const path = context.need('file');
  const lines = results.inOrder();
  for (const { line, faults = [], status, code, reason } of lines) {
    for (const fault of faults) context.note(describe(path, line, fault));
    if (status === 'refused' && code !== undefined) context.note(describe(path, line, { code, reason: reason ?? '' }));
  }
  for (const gap of gaps) context.note(describeGap(gap));
  const count = (status: Status): number => lines.filter((line) => line.status === status).length;
  const counts = {
    [wanted]: count(wanted),
    refused: count('refused'),
    pending: count('pending'),
    notSent: count('notSent'),
  };
  const { refused, pending, notSent } = counts;
  const missing = gaps.reduce((sum, { from, to }) => sum + (to - from) / INTERVAL_MS, 0);
  const parts = [`${count(wanted)} readings ${wanted}`, `${refused ?? 0} lines refused`];
  if (wanted === 'recorded') parts.push(`${pending ?? 0} not known yet`, `${notSent ?? 0} not sent`);
  parts.push(`${missing} intervals missing`);
  const out = context.get('results');
  context.say(parts.join(', '), {
    ...counts,
    missing,
    gaps: gaps.map(({ from, to, ...gap }) => ({ ...gap, from: formatTime(from), to: formatTime(to) })),
    ...(out === undefined ? { lines } : { results: out }),
  });
  if ((pending ?? 0) + (notSent ?? 0) > 0) context.note('run it again: what is recorded is not recorded twice');
  return count('refused') + count('pending') + count('notSent') === 0 ? EXIT.ok : EXIT.refused;
}

const describe = (
  path: string,
  line: number,
  {
    code,
    column,
    pointer = '',
    reason,
    hint,
  }: Pick<ReadingsFault, 'column' | 'pointer' | 'reason' | 'hint'> & { code: string },
): string => {
  const place = column === undefined ? pointer : `column ${column}`;
  return `${path}:${line}${place === '' ? '' : ` ${place}`}: ${code}: ${reason}${hint === undefined ? '' : ` (${hint})`}`;
};

const describeGap = ({ meter, from, to, sum }: ReadingsGap): string =>
  `gap of meter ${meter}: ${formatTime(from)} to ${formatTime(to)}${
    sum === undefined ? '' : `, together ${sum.consumedWh} Wh consumed and ${sum.producedWh} Wh produced`
  }`;
