import { Agent, request } from 'node:http';
import { openBus, type Bus } from '@gridtokenx/process';
import type { Log } from '@gridtokenx/runtime';

/** How the load comes in: as NDJSON over HTTP, or straight on the topic, as a gateway would put it there. */
export type EntryPoint =
  { readonly kind: 'rest'; readonly url: string } | { readonly kind: 'bus'; readonly bus: Bus; readonly topic: string };

/** Envelopes that are offered together. */
export interface Prepared {
  readonly envelopes: readonly Uint8Array[];
  readonly hashes: readonly string[];
  readonly operations: number;
}

export type Answer =
  | { readonly kind: 'accepted' }
  | { readonly kind: 'busy'; readonly retryAfterMs: number; readonly reason: string }
  | { readonly kind: 'broken'; readonly reason: string }
  | { readonly kind: 'refused'; readonly reason: string };

export interface Entry {
  offer(one: Prepared): Promise<Answer>;
}

const CONNECTIONS = 16;
const REASON_CHARACTERS = 300;
const NEW_LINE = Buffer.from('\n');

export const openEntry = (point: EntryPoint): Entry =>
  point.kind === 'rest' ? overHttp(point.url) : onTopic(openBus(point.bus, 'load'), point.topic);

function onTopic(log: Log, topic: string): Entry {
  return {
    offer: ({ envelopes }) =>
      log.append(topic, envelopes).then(
        (): Answer => ({ kind: 'accepted' }),
        (error: unknown): Answer => ({ kind: 'broken', reason: String(error) }),
      ),
  };
}

function overHttp(base: string): Entry {
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
  const url = new URL(`${base}?mode=all-or-nothing`);
  return {
    offer: ({ envelopes }) =>
      post(agent, url, Buffer.concat(envelopes.flatMap((bytes) => [bytes, NEW_LINE]))).catch(
        (error: unknown): Answer => ({ kind: 'broken', reason: String(error) }),
      ),
  };
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
      answer.on('end', () => {
        if (answer.statusCode === 202) return resolve({ kind: 'accepted' });
        const reason = `${answer.statusCode} ${Buffer.concat(chunks).toString().slice(0, REASON_CHARACTERS)}`;
        if (answer.statusCode !== 429 && answer.statusCode !== 503) return resolve({ kind: 'refused', reason });
        resolve({ kind: 'busy', retryAfterMs: Number(answer.headers['retry-after'] ?? '0') * 1000, reason });
      });
    });
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}
