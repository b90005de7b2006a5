// Entry of a thread of the checker pool: envelopes in, findings out, in order.
import { parentPort, workerData } from 'node:worker_threads';
import { ByteWriter } from '@gridtokenx/kernel';
import { writeFinding } from '@gridtokenx/protocol';
import { findingOf } from '@gridtokenx/runtime';
import type { CheckAnswer, CheckRequest } from './check-messages.js';
import { native, tally } from './native.js';

const { ledgerId } = workerData as { readonly ledgerId: string };
const FINDING_BYTES = 192;

function findingsOf({ bytes, lengths }: CheckRequest): Uint8Array<ArrayBuffer> {
  const writer = new ByteWriter(lengths.length * FINDING_BYTES);
  let at = 0;
  for (const length of lengths) {
    writeFinding(writer, findingOf(native, ledgerId, new Uint8Array(bytes, at, length)));
    at += length;
  }
  return writer.done() as Uint8Array<ArrayBuffer>;
}

parentPort?.on('message', (request: CheckRequest) => {
  let answer: CheckAnswer;
  try {
    const before = tally.verifications;
    const findings = findingsOf(request);
    answer = { id: request.id, findings, verifications: tally.verifications - before };
  } catch (error) {
    answer = { id: request.id, failure: error instanceof Error ? (error.stack ?? error.message) : String(error) };
  }
  parentPort?.postMessage(answer, 'findings' in answer ? [answer.findings.buffer] : []);
});
