// The load generator, in a process of its own: signs before the clock starts, then offers at a fixed rate whatever the
// answers do (open loop). Commanded over the channel of child_process.fork.
import { loadOf, type LoadMaker, type LoadShape } from './load.js';
import { openEntry, type Entry, type EntryPoint, type Prepared } from './entry.js';

export type Command =
  | { readonly kind: 'shape'; readonly shape: LoadShape; readonly seed: number; readonly entry: EntryPoint }
  | { readonly kind: 'sign'; readonly envelopes: number; readonly perRequest: number }
  | {
      readonly kind: 'send';
      readonly rate: number;
      readonly startMs: number;
      /** `again`: the same bytes once more when the gateway was busy. `never`: what was refused is gone. */
      readonly retry: 'again' | 'never';
    };

/** One request of a run: its envelopes are final together with none, one or several blocks. */
export interface Sent {
  /** When the rate asked for it. */
  readonly dueMs: number;
  /** When it went out. */
  readonly sentMs: number;
  /** `undefined` when it was refused, and not offered again. */
  readonly ackMs: number | undefined;
  readonly operations: number;
  readonly hashes: readonly string[];
}

export type Report =
  | { readonly kind: 'ready' }
  | { readonly kind: 'signed'; readonly bytes: number }
  | {
      readonly kind: 'sent';
      readonly requests: readonly Sent[];
      /** Answers of 429 and 503, and those of them that said when to come again. */
      readonly busy: number;
      readonly busyWithRetryAfter: number;
      readonly failed: readonly string[];
    };

const BUSY_RETRY_MS = 250;
const ATTEMPTS_MAX = 240;

let maker: LoadMaker | undefined;
let shape: LoadShape | undefined;
let entry: Entry | undefined;
let prepared: Prepared[] = [];

const tell = (report: Report): void => void process.send?.(report);
const pause = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms));

function sign(envelopes: number, perRequest: number): void {
  if (maker === undefined || shape === undefined) throw new Error('the shape of the load comes first');
  let bytes = 0;
  prepared = [];
  for (let left = envelopes; left > 0; left -= perRequest) {
    const made = Array.from({ length: Math.min(perRequest, left) }, () => maker?.next(Date.now()));
    const signed = made.flatMap((envelope) => (envelope === undefined ? [] : [envelope]));
    const one = {
      envelopes: signed.map((envelope) => envelope.bytes),
      hashes: signed.map(({ hashHex }) => hashHex),
      operations: signed.length * shape.batch,
    };
    bytes += one.envelopes.reduce((sum, envelope) => sum + envelope.length, 0);
    prepared.push(one);
  }
  tell({ kind: 'signed', bytes });
}

async function send({ rate, startMs, retry }: Extract<Command, { kind: 'send' }>): Promise<void> {
  const door = entry;
  if (door === undefined) throw new Error('the shape of the load comes first');
  const requests: Sent[] = [];
  const failed: string[] = [];
  let busy = 0;
  let busyWithRetryAfter = 0;

  /** As a client would: the same bytes again when the gateway is busy or the connection broke. */
  const offer = async (one: Prepared, dueMs: number): Promise<void> => {
    const { operations, hashes } = one;
    const sentMs = Date.now();
    let reason = '';
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
      const answer = await door.offer(one);
      if (answer.kind === 'accepted')
        return void requests.push({ dueMs, sentMs, ackMs: Date.now(), operations, hashes });
      ({ reason } = answer);
      if (answer.kind === 'refused') break;
      if (answer.kind === 'busy') {
        busy++;
        if (answer.retryAfterMs > 0) busyWithRetryAfter++;
        if (retry === 'never') return void requests.push({ dueMs, sentMs, ackMs: undefined, operations, hashes: [] });
      }
      await pause(Math.max(BUSY_RETRY_MS, answer.kind === 'busy' ? answer.retryAfterMs : 0));
    }
    failed.push(reason);
  };

  const batch = prepared;
  prepared = [];
  let due = startMs;
  const under: Promise<void>[] = [];
  for (const one of batch) {
    const wait = due - Date.now();
    if (wait > 0) await pause(wait);
    under.push(offer(one, due));
    due += (one.operations * 1000) / rate;
  }
  await Promise.all(under);
  tell({ kind: 'sent', requests, busy, busyWithRetryAfter, failed: failed.slice(0, 5) });
}

process.on('message', (command: Command) => {
  switch (command.kind) {
    case 'shape':
      ({ shape } = command);
      maker = loadOf(command.shape, command.seed);
      entry = openEntry(command.entry);
      return tell({ kind: 'ready' });
    case 'sign':
      return sign(command.envelopes, command.perRequest);
    case 'send':
      void send(command);
      return;
  }
});
process.on('disconnect', () => process.exit(0));
