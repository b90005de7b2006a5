import { Worker } from 'node:worker_threads';
import { ByteReader, BugError } from '@gridtokenx/kernel';
import { readFinding, type Finding } from '@gridtokenx/protocol';
import { checkerInThread, type EnvelopeChecker } from '@gridtokenx/runtime';
import type { CheckAnswer, CheckRequest } from './check-messages.js';
import { native, tally } from './native.js';

/** Beside `src` as beside `dist`: a thread begins with a built file. */
const ENTRY = new URL('../dist/check-worker.js', import.meta.url);
/** Envelopes that travel together: enough that a message costs nothing beside them, few enough to keep all threads busy. */
const ENVELOPES_PER_MESSAGE = 128;

/** Checks envelopes on so many threads; with none, on the one that asks. */
export const createChecker = (ledgerId: string, workers: number): EnvelopeChecker =>
  workers === 0 ? checkerInThread(native, ledgerId) : new CheckerPool(ledgerId, workers);

interface Asked {
  readonly values: readonly Uint8Array[];
  readonly resolve: (findings: readonly Finding[]) => void;
  readonly reject: (error: Error) => void;
}

/**
 * A pool of threads that decode envelopes and verify their signatures. Bytes go over and bytes come back; a thread that
 * ends by itself is a bug, after which nothing is checked any more.
 */
class CheckerPool implements EnvelopeChecker {
  private readonly threads: { readonly worker: Worker; asked: number }[];
  private readonly waiting = new Map<number, Asked>();
  private nextId = 0;
  private failure: Error | undefined;

  constructor(
    private readonly ledgerId: string,
    workers: number,
  ) {
    this.threads = Array.from({ length: workers }, () => {
      const worker = new Worker(ENTRY, { workerData: { ledgerId } });
      const thread = { worker, asked: 0 };
      worker.on('message', (answer: CheckAnswer) => {
        thread.asked--;
        this.onAnswer(answer);
      });
      worker.on('error', (error) => this.fail(error instanceof Error ? error : new Error(String(error))));
      worker.on('exit', (code) => this.fail(new BugError(`a thread that checks envelopes ended with ${code}`)));
      return thread;
    });
  }

  async check(values: readonly Uint8Array[]): Promise<readonly Finding[]> {
    const groups: Promise<readonly Finding[]>[] = [];
    for (let at = 0; at < values.length; at += ENVELOPES_PER_MESSAGE)
      groups.push(this.ask(values.slice(at, at + ENVELOPES_PER_MESSAGE)));
    return (await Promise.all(groups)).flat();
  }

  async close(): Promise<void> {
    this.fail(new Error('the checker was closed'));
    await Promise.all(this.threads.map(({ worker }) => worker.terminate()));
  }

  private ask(values: readonly Uint8Array[]): Promise<readonly Finding[]> {
    if (this.failure !== undefined) return Promise.reject(this.failure);
    const [first, ...others] = this.threads;
    if (first === undefined) return Promise.reject(new BugError('a pool has threads'));
    const thread = others.reduce((least, other) => (other.asked < least.asked ? other : least), first);
    const lengths = Uint32Array.from(values, ({ length }) => length);
    const bytes = new Uint8Array(lengths.reduce((sum, length) => sum + length, 0));
    let at = 0;
    for (const value of values) {
      bytes.set(value, at);
      at += value.length;
    }
    const request: CheckRequest = { id: this.nextId++, bytes: bytes.buffer, lengths };
    return new Promise((resolve, reject) => {
      this.waiting.set(request.id, { values, resolve, reject });
      thread.asked++;
      thread.worker.postMessage(request, [bytes.buffer, lengths.buffer]);
    });
  }

  private onAnswer(answer: CheckAnswer): void {
    const asked = this.waiting.get(answer.id);
    if (asked === undefined) return;
    this.waiting.delete(answer.id);
    if ('failure' in answer) return asked.reject(new BugError(answer.failure));
    tally.verifications += answer.verifications;
    const reader = new ByteReader(answer.findings, 'finding');
    asked.resolve(asked.values.map((bytes) => readFinding(reader, this.ledgerId, bytes)));
  }

  private fail(error: Error): void {
    this.failure ??= error;
    for (const { reject } of this.waiting.values()) reject(this.failure);
    this.waiting.clear();
  }
}
