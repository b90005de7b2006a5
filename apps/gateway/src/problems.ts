import { ProblemError, type ProblemFields, type ProblemItem } from '@gridtokenx/nest';
import { rejections, type EnvelopeError, type RejectionCode } from '@gridtokenx/protocol';
import { ReadModelError } from '@gridtokenx/runtime';

/** What the gateway itself refuses. Codes of the ledger stand in the protocol's `rejections`. */
export const gatewayProblems = {
  'body.json': { status: 400, title: 'The body is not strict JSON.' },
  'body.schema': { status: 400, title: 'A field of the body is missing, unknown, or not of its type.' },
  'query.invalid': { status: 400, title: 'A query parameter is unknown or not of its type.' },
  'path.invalid': { status: 400, title: 'A part of the path is not what the route takes.' },
  'page.badCursor': { status: 400, title: 'The cursor was not given out by this query.' },
  'batch.empty': { status: 422, title: 'The batch holds no envelope.' },
  'batch.refused': { status: 422, title: 'Nothing of the batch was taken in.' },
  'batch.tooManyOperations': { status: 413, title: 'A batch holds at most 10,000 operations.' },
  'batch.tooManyLines': { status: 413, title: 'A batch has at most 100,000 lines, blank ones included.' },
  'batch.tooLarge': { status: 413, title: 'A batch is at most 32 MiB.' },
  'readings.tooLarge': { status: 413, title: 'A file to check is at most 1 MiB; the command line takes larger ones.' },
  'statement.tooLarge': { status: 422, title: 'The statement is of too much: ask for a shorter period.' },
  'gateway.busy': { status: 429, title: 'Too much is under way; try again.', retryAfterSeconds: 1 },
  'ledger.behind': {
    status: 429,
    title: 'More operations wait than the ledger decides in a few seconds; try again.',
    retryAfterSeconds: 1,
  },
  'database.unavailable': { status: 503, title: 'The read models do not answer.', retryAfterSeconds: 2 },
  'read.notReady': { status: 503, title: 'The read models hold nothing yet.', retryAfterSeconds: 2 },
  'read.behind': {
    status: 503,
    title: 'The read models stand far behind the ledger, and do not know the key yet; try again.',
    retryAfterSeconds: 2,
  },
  'read.heightNotReached': {
    status: 503,
    title: 'The read models have not reached the height asked for.',
    retryAfterSeconds: 1,
  },
  'operation.unknown': { status: 404, title: 'No operation with this id is waiting or in a block.' },
  'account.unknown': { status: 404, title: 'No such account at this height.' },
  'book.unknown': { status: 404, title: 'No such book was opened at this height.' },
  'order.unknown': { status: 404, title: 'No such order at this height.' },
  'block.unknown': { status: 404, title: 'There is no block of this height yet.' },
  'key.unknown': { status: 404, title: 'The key is not registered at this height.' },
  'read.unknown': { status: 404, title: 'There is no such thing at this height.' },
  'public.unknown': { status: 404, title: 'There is no such thing at this height.' },
  'anchor.notYet': { status: 404, title: 'No block at this height or above is anchored yet.' },
  'anchor.tooFar': {
    status: 404,
    title: 'The anchor is more than 10,000 blocks above; take the headers from /v1/blocks.',
  },
  'proof.notInBlock': { status: 404, title: 'The block holds no such operation.' },
} as const satisfies Record<string, { status: number; title: string; retryAfterSeconds?: number }>;

export type GatewayCode = keyof typeof gatewayProblems;

export function problem(code: GatewayCode, detail?: string, errors?: readonly ProblemItem[]): ProblemError {
  return new ProblemError({ code, ...gatewayProblems[code], detail, errors });
}

/** 400: not what it claims to be; 403: the key or its signature; 409: at odds with what was signed before; else 422. */
const REFUSAL_STATUS: Partial<Record<RejectionCode, number>> = {
  'envelope.tooLarge': 413,
  'envelope.malformed': 400,
  'envelope.header': 400,
  'envelope.json': 400,
  'envelope.badSignature': 403,
  'envelope.badKey': 403,
  'operation.unknownKey': 403,
  'operation.keyRemoved': 403,
  'operation.sequenceUsed': 409,
  'operation.sequenceTooOld': 409,
  'operation.sequenceTooFar': 409,
};

/** A refused envelope, wherever it came from: a code of the ledger, and where in the payload it is about. */
export interface Refusal {
  readonly code: RejectionCode;
  readonly pointer: string;
  readonly detail: string;
}

export const refusalOf = (error: EnvelopeError): Refusal => ({
  code: error.code,
  pointer: error.pointer,
  detail: error.reason,
});

export const refuse = (code: RejectionCode, pointer: string): Refusal => ({
  code,
  pointer,
  detail: rejections[code].text,
});

export function refusalFields({ code, pointer, detail }: Refusal): ProblemFields {
  const status = REFUSAL_STATUS[code] ?? 422;
  return { code, status, title: rejections[code].text, detail, errors: [{ code, pointer, detail }] };
}

/** The names that this process has for errors of its ports and of the HTTP layer. */
export function refineProblem(error: unknown, fields: ProblemFields, path: string): ProblemFields {
  if (error instanceof ReadModelError) return readModelProblem(error) ?? fields;
  if (fields.code === 'request.tooLarge' && path.endsWith('/operations'))
    return refusalFields(refuse('envelope.tooLarge', ''));
  return fields;
}

function readModelProblem(error: ReadModelError): ProblemFields | undefined {
  switch (error.code) {
    case 'readModels.unavailable':
    case 'readModels.closed':
      return problem('database.unavailable').fields;
    case 'readModels.notReady':
      return problem('read.notReady').fields;
    case 'page.badCursor':
      return problem('page.badCursor', undefined, [{ code: 'page.badCursor', pointer: '/cursor' }]).fields;
    case 'readModels.badId':
    case 'readModels.tooMany':
      // The gateway checks both before it asks: these are bugs.
      return undefined;
  }
}
