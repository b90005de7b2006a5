import {
  BATCH_BYTES_MAX,
  ENVELOPE_BYTES_MAX,
  EnvelopeError,
  OPERATIONS_PER_BATCH_MAX,
  OPERATIONS_PER_ENVELOPE_MAX,
} from '@gridtokenx/protocol';
import { GridProblem } from '../problem.js';
import type { SignedEnvelope, Signer } from '../signing.js';
import type { BatchLine, BatchMode } from '../views.js';
import { CliError, EXIT, usage, type Command, type Context } from './command.js';
import { readOperationsFile, type FileOperation, type LineFault } from './operations-file.js';
import { clientOf, readBytes, rememberSequence, signerOf, signOptions, urlOption, validForMs } from './shared.js';

/** What became of one line of the file; `accepted` means durable on the bus, not executed. */
interface LineResult {
  readonly line: number;
  readonly status: 'accepted' | 'refused' | 'notSent';
  readonly operationId?: string;
  readonly code?: string;
  readonly pointer?: string;
  readonly column?: string;
  readonly reason?: string;
  readonly hint?: string;
}

/** One envelope and the lines of the file that it carries. */
interface Parcel {
  readonly envelope: SignedEnvelope;
  readonly lines: readonly number[];
}

export const batch: Command = {
  name: 'batch',
  about: 'sign and send a file of orders (CSV) or operations (NDJSON, one a line)',
  options: {
    url: urlOption,
    file: { value: 'FILE', about: 'orders.csv or operations.ndjson', required: true },
    mode: {
      value: 'MODE',
      about: 'all-or-nothing (default): one bad line and nothing is sent; partial: the good lines are',
    },
    'operations-per-envelope': { value: 'N', about: '1 to 1000, 100 by default' },
    results: { value: 'FILE', about: 'what became of each line, as NDJSON' },
    'dry-run': { about: 'check the file only: no key, no signature, no gateway' },
    ...signOptions,
  },
  examples: [
    'batch --file orders.csv --dry-run',
    'batch --url http://127.0.0.1:8080 --key office.key --genesis genesis.json --file orders.csv --mode partial --results results.ndjson',
  ],
  run: runBatch,
};

async function runBatch(context: Context): Promise<number> {
  const mode = modeOf(context.get('mode') ?? 'all-or-nothing');
  const perEnvelope = perEnvelopeOf(context.get('operations-per-envelope') ?? '100');
  const path = context.need('file');
  const format = formatOf(path);
  const { operations, faults } = readOperationsFile(readBytes(context, path), format);
  for (const fault of faults) context.note(describeFault(path, fault));

  const results = new Map<number, LineResult>();
  for (const fault of faults) results.set(fault.line, refusedLine(fault));
  const mayGo = operations.length > 0 && (faults.length === 0 || mode === 'partial');
  if (mayGo && mode === 'all-or-nothing' && operations.length > OPERATIONS_PER_BATCH_MAX)
    throw new CliError(
      'batch.tooManyOperations',
      `all-or-nothing takes at most ${OPERATIONS_PER_BATCH_MAX} operations`,
      {
        hint: 'part the file, or use --mode partial',
      },
    );
  if (operations.length === 0 && faults.length === 0) throw new CliError('batch.empty', `${path} holds no operation`);
  if (mayGo && !context.flag('dry-run')) await signAndSend(context, operations, perEnvelope, mode, results);
  else for (const { line } of operations) results.set(line, { line, status: 'notSent' });
  return report(context, results, context.flag('dry-run'));
}

function modeOf(text: string): BatchMode {
  if (text === 'partial' || text === 'all-or-nothing') return text;
  throw usage(`--mode ${text} is neither partial nor all-or-nothing`);
}

function perEnvelopeOf(text: string): number {
  const count = /^\d{1,4}$/.test(text) ? Number(text) : 0;
  if (count < 1 || count > OPERATIONS_PER_ENVELOPE_MAX)
    throw usage(`--operations-per-envelope is 1 to ${OPERATIONS_PER_ENVELOPE_MAX}`);
  return count;
}

function formatOf(path: string): 'csv' | 'ndjson' {
  if (/\.csv$/i.test(path)) return 'csv';
  if (/\.(ndjson|jsonl)$/i.test(path)) return 'ndjson';
  throw usage(`${path} is neither .csv nor .ndjson`);
}

async function signAndSend(
  context: Context,
  operations: readonly FileOperation[],
  perEnvelope: number,
  mode: BatchMode,
  results: Map<number, LineResult>,
): Promise<void> {
  const client = clientOf(context);
  const signer = await signerOf(context);
  const parcels = parcelsOf(context, signer, operations, perEnvelope);
  rememberSequence(context, signer);
  for (const parcel of parcels)
    for (const line of parcel.lines) results.set(line, { line, status: 'notSent', code: 'batch.notSent' });
  const requests = requestsOf(parcels);
  if (mode === 'all-or-nothing' && requests.length > 1)
    throw new CliError('batch.tooLarge', `all-or-nothing takes at most ${BATCH_BYTES_MAX} bytes`, {
      hint: 'part the file, or use --mode partial',
    });
  for (const request of requests) {
    try {
      const answers = await client.submitBatch(
        request.map(({ envelope }) => envelope),
        mode,
      );
      for (const [i, parcel] of request.entries())
        note(
          results,
          parcel,
          answers.find(({ line }) => line === i + 1),
        );
    } catch (error) {
      if (!(error instanceof GridProblem)) throw error;
      noteProblem(results, request, error);
      context.note(`${error.code}: ${error.detail}`);
      // What was refused as a whole says nothing about the rest; what was not answered at all will not be answered now.
      if (error.status === 0) return;
    }
  }
}

function parcelsOf(
  context: Context,
  signer: Signer,
  operations: readonly FileOperation[],
  perEnvelope: number,
): Parcel[] {
  const terms = validForMs(context);
  const parcels: Parcel[] = [];
  for (let at = 0; at < operations.length; at += perEnvelope) {
    const part = operations.slice(at, at + perEnvelope);
    try {
      const envelope = signer.sign(
        part.map(({ operation }) => operation),
        terms,
      );
      parcels.push({ envelope, lines: part.map(({ line }) => line) });
    } catch (error) {
      if (!(error instanceof EnvelopeError)) throw error;
      const hint =
        error.code === 'envelope.tooLarge'
          ? `lower --operations-per-envelope: ${ENVELOPE_BYTES_MAX} bytes at most`
          : undefined;
      throw new CliError(error.code, error.message, { line: part[0]?.line ?? 0, ...(hint !== undefined && { hint }) });
    }
  }
  return parcels;
}

/** Requests within the gateway's limits, in file order. */
function requestsOf(parcels: readonly Parcel[]): Parcel[][] {
  const requests: Parcel[][] = [];
  let operations = Number.POSITIVE_INFINITY;
  let bytes = 0;
  for (const parcel of parcels) {
    const { operationCount, jws } = parcel.envelope;
    if (operations + operationCount > OPERATIONS_PER_BATCH_MAX || bytes + jws.length + 1 > BATCH_BYTES_MAX) {
      requests.push([]);
      operations = 0;
      bytes = 0;
    }
    requests.at(-1)?.push(parcel);
    operations += operationCount;
    bytes += jws.length + 1;
  }
  return requests;
}

function note(results: Map<number, LineResult>, { envelope, lines }: Parcel, answer: BatchLine | undefined): void {
  const at = operationIndex(answer?.problem?.pointer);
  for (const [i, line] of lines.entries()) {
    const operationId = envelope.operationIds[i] ?? '';
    if (answer?.status === 'accepted') results.set(line, { line, status: 'accepted', operationId });
    else {
      const { code = 'client.badAnswer', pointer, detail } = answer?.problem ?? {};
      // An envelope stands or falls as a whole: its other lines are named after the one at fault.
      const own = at === undefined || at === i;
      results.set(line, {
        line,
        status: 'refused',
        code,
        ...(pointer !== undefined && { pointer }),
        ...(detail !== undefined && { reason: detail }),
        ...(!own && { hint: `line ${lines[at ?? 0]} of the same envelope was refused` }),
      });
    }
  }
}

const operationIndex = (pointer: string | undefined): number | undefined => {
  const index = /^\/operations\/(\d+)/.exec(pointer ?? '')?.[1];
  return index === undefined ? undefined : Number(index);
};

/** A refusal of the whole request, with the envelopes at fault named by their lines. */
function noteProblem(results: Map<number, LineResult>, request: readonly Parcel[], problem: GridProblem): void {
  const unknown = problem.status === 0;
  for (const [i, { envelope, lines }] of request.entries()) {
    const own = problem.errors.find(({ line }) => line === i + 1);
    const at = operationIndex(own?.pointer);
    for (const [k, line] of lines.entries()) {
      const code = own?.code ?? problem.code;
      const reason = own?.detail ?? problem.detail;
      const status = unknown || (own === undefined && problem.errors.length > 0) ? 'notSent' : 'refused';
      results.set(line, {
        line,
        status,
        code,
        ...(unknown && {
          operationId: envelope.operationIds[k] ?? '',
          hint: 'not known to have arrived: ask with `follow`',
        }),
        ...(own?.pointer !== undefined && { pointer: own.pointer }),
        ...(reason !== '' && { reason }),
        ...(at !== undefined && at !== k && { hint: `line ${lines[at]} of the same envelope was refused` }),
      });
    }
  }
}

const refusedLine = ({ line, column, code, pointer, reason, hint }: LineFault): LineResult => ({
  line,
  status: 'refused',
  code,
  ...(column !== undefined && { column }),
  ...(pointer !== undefined && { pointer }),
  reason,
  ...(hint !== undefined && { hint }),
});

function describeFault(path: string, { line, column, pointer, code, reason, hint }: LineFault): string {
  const place = column === undefined ? (pointer ?? '') : `column ${column}`;
  return `${path}:${line}${place === '' ? '' : ` ${place}`}: ${code}: ${reason}${hint === undefined ? '' : ` (${hint})`}`;
}

function report(context: Context, results: ReadonlyMap<number, LineResult>, dryRun: boolean): number {
  const lines = [...results.values()].sort((a, b) => a.line - b.line);
  const path = context.get('results');
  if (path !== undefined) context.io.files.replace(path, lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
  const count = (status: LineResult['status']): number => lines.filter((line) => line.status === status).length;
  const [accepted, refused, notSent] = [count('accepted'), count('refused'), count('notSent')];
  const summary = dryRun
    ? `${notSent} lines are good, ${refused} are not; nothing was sent`
    : `${accepted} accepted, ${refused} refused, ${notSent} not sent`;
  context.say(summary, { dryRun, accepted, refused, notSent, ...(path === undefined ? { lines } : { results: path }) });
  return refused === 0 && (dryRun || notSent === 0) ? EXIT.ok : EXIT.refused;
}
