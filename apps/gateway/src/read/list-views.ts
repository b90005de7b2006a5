import { formatTime, millis } from '@gridtokenx/kernel';
import type { AsOf, FactView, Happened, RecordView } from '@gridtokenx/runtime';
import { asOf, type Hrefs } from './views.js';

/** Facts and records as they travel. */

export type Json = Readonly<Record<string, unknown>>;

const time = (ms: number): string => formatTime(millis(ms));

export const pageBody = <View>(
  at: AsOf,
  items: readonly View[],
  toItem: (view: View) => Json,
  next: string | undefined,
): Json & { readonly next?: string } => ({
  ...asOf(at),
  items: items.map(toItem),
  ...(next !== undefined && { next }),
});

export const happenedBody = ({ height, index, timeMs, operationId }: Happened, { proof }: Hrefs): Json => ({
  height,
  index,
  time: time(timeMs),
  ...(operationId !== undefined && { operationId, proof: proof(height, operationId) }),
});

export const factBody = ({ fact, ...where }: FactView<unknown>, hrefs: Hrefs): Json => ({
  ...happenedBody(where, hrefs),
  fact,
});

export const recordBody = (view: RecordView<unknown>): Json => ({
  id: view.id,
  ...(view.parent !== '' && { parent: view.parent }),
  beganHeight: view.beganHeight,
  changedHeight: view.height,
  ...view.sums,
  ...(view.body as object),
});
