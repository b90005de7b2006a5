import type { AsOf } from '@gridtokenx/runtime';
import type { FastifyReply } from 'fastify';

export const HEIGHT_HEADER = 'x-ledger-height';
/** What a block holds never changes. */
export const IMMUTABLE = 'public, max-age=31536000, immutable';

/** Says at which height an answer stands. */
export function standsAt<T>(reply: FastifyReply, { height }: Pick<AsOf, 'height'>, body: T): T {
  void reply.header(HEIGHT_HEADER, String(height));
  return body;
}

/** A page with its RFC 8288 link to the next one: the same query with the cursor of that page. */
export function page<T extends { readonly height: number; readonly next?: string | undefined }>(
  reply: FastifyReply,
  url: string,
  body: T,
): T {
  if (body.next !== undefined) void reply.header('link', `<${nextUrl(url, body.next)}>; rel="next"`);
  return standsAt(reply, body, body);
}

function nextUrl(url: string, next: string): string {
  const [path = '', query = ''] = url.split('?', 2);
  const parameters = new URLSearchParams(query);
  // The cursor stands for where the listing began.
  for (const start of ['before', 'after']) parameters.delete(start);
  parameters.set('cursor', next);
  return `${path}?${parameters.toString()}`;
}
