// The load generator, in a process of its own: signs before the clock starts, then offers at a fixed rate whatever the
// answers do (open loop). Commanded over the channel of child_process.fork.
import { Agent, request } from 'node:http';
import { LoadMaker, type LoadShape } from './load.js';

export type Command =
  | { readonly kind: 'shape'; readonly shape: LoadShape; readonly seed: number }
  | { readonly kind: 'sign'; readonly envelopes: number; readonly perRequest: number }
  | { readonly kind: 'send'; readonly url: string; readonly rate: number; readonly startMs: number };

/** One request of a run: its envelopes are final together with none, one or several blocks. */
export interface Sent {
  /** When the rate asked for it. */
  readonly dueMs: number;
  readonly ackMs: number;
  readonly operations: number;
  readonly hashes: readonly string[];
}

export type Report =
  | { readonly kind: 'ready' }
  | { readonly kind: 'signed'; readonly bytes: number }
  | {
      readonly kind: 'sent';
      readonly requests: readonly Sent[];
      readonly busy: number;
      readonly failed: readonly string[];
    };

const CONNECTIONS = 16;
const BUSY_RETRY_MS = 250;
const ATTEMPTS_MAX = 240;

interface Prepared {
  readonly body: Buffer;
  readonly hashes: readonly string[];
  readonly operations: number;
}

let maker: LoadMaker | undefined;
let shape: LoadShape | undefined;
let prepared: Prepared[] = [];

const tell = (report: Report): void => void process.send?.(report);
const pause = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms));

function sign(envelopes: number, perRequest: number): void {
  if (maker === undefined || shape === undefined) throw new Error('the shape of the load comes first');
  let bytes = 0;
  prepared = [];
  for (let left = envelopes; left > 0; left -= perRequest) {
    const group = Array.from({ length: Math.min(perRequest, left) }, () => maker?.next(Date.now()));
    const made = group.flatMap((envelope) => (envelope === undefined ? [] : [envelope]));
    const body = Buffer.concat(made.flatMap((envelope) => [envelope.bytes, Buffer.from('\n')]));
    bytes += body.length;
    prepared.push({
      body,
      hashes: made.map(({ hashHex }) => hashHex),
      operations: made.length * shape.envelopeSize,
    });
  }
  tell({ kind: 'signed', bytes });
}

interface Answer {
  readonly status: number;
  readonly retryAfterMs: number;
  readonly text: string;
}

function post(agent: Agent, url: URL, body: Buffer): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/x-ndjson', 'content-length': body.length };
    const outgoing = request(url, { method: 'POST', agent, headers }, (answer) => {
      const chunks: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => {
        // Acknowledged ids are known already; of a refusal the reason matters.
        if (answer.statusCode !== 202) chunks.push(chunk);
      });
      answer.on('error', reject);
      answer.on('end', () =>
        resolve({
          status: answer.statusCode ?? 0,
          retryAfterMs: Number(answer.headers['retry-after'] ?? '0') * 1000,
          text: Buffer.concat(chunks).toString(),
        }),
      );
    });
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

/** As a client would: the same bytes again when the gateway is busy or the connection broke. */
async function offer(
  agent: Agent,
  url: URL,
  { body }: Prepared,
  isBusy: () => void,
): Promise<{ ackMs: number } | { failed: string }> {
  let failed = '';
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
    try {
      const { status, retryAfterMs, text } = await post(agent, url, body);
      if (status === 202) return { ackMs: Date.now() };
      failed = `${status} ${text.slice(0, 300)}`;
      if (status !== 429 && status !== 503) return { failed };
      isBusy();
      await pause(Math.max(BUSY_RETRY_MS, retryAfterMs));
    } catch (error) {
      failed = String(error);
      await pause(BUSY_RETRY_MS);
    }
  }
  return { failed };
}

async function send(base: string, rate: number, startMs: number): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
  const url = new URL('/v1/batches?mode=all-or-nothing', base);
  const requests: Sent[] = [];
  const failed: string[] = [];
  let busy = 0;
  let due = startMs;
  const under: Promise<void>[] = [];
  const batch = prepared;
  prepared = [];
  for (const one of batch) {
    const wait = due - Date.now();
    if (wait > 0) await pause(wait);
    const dueMs = due;
    under.push(
      offer(agent, url, one, () => busy++).then((outcome) => {
        if ('failed' in outcome) failed.push(outcome.failed);
        else requests.push({ dueMs, ackMs: outcome.ackMs, operations: one.operations, hashes: one.hashes });
      }),
    );
    due += (one.operations * 1000) / rate;
  }
  await Promise.all(under);
  agent.destroy();
  tell({ kind: 'sent', requests, busy, failed: failed.slice(0, 5) });
}

process.on('message', (command: Command) => {
  switch (command.kind) {
    case 'shape':
      ({ shape } = command);
      maker = new LoadMaker(command.shape, command.seed);
      return tell({ kind: 'ready' });
    case 'sign':
      return sign(command.envelopes, command.perRequest);
    case 'send':
      void send(command.url, command.rate, command.startMs);
      return;
  }
});
process.on('disconnect', () => process.exit(0));
