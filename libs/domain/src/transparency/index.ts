import { unreachable } from '@gridtokenx/kernel';
import type { OperationOf, RejectedOutcome } from '@gridtokenx/protocol';
import type { LedgerModule, OperationContext } from '../ledger/module.js';
import { dispute, finalise, publishAggregates, settle, type AggregatesParts } from './aggregates.js';
import { anchor, recover, type AnchorParts } from './anchor.js';
import { registerReport } from './reports.js';

const OPERATIONS = [
  'transparency.anchor',
  'transparency.recover',
  'transparency.publishAggregates',
  'transparency.dispute',
  'transparency.settle',
  'transparency.registerReport',
] as const;
type TransparencyOperation = OperationOf<(typeof OPERATIONS)[number]>;

export type TransparencyParts = AnchorParts & AggregatesParts;

export const transparencyModule = (parts: TransparencyParts): LedgerModule<(typeof OPERATIONS)[number]> => ({
  name: 'transparency',
  operations: OPERATIONS,
  genesis: () => parts.transparency.begin(),
  execute: (context, operation) => execute(parts, context, operation),
  atStart: (context) => {
    parts.transparency.checked = 0;
    finalise(parts, context);
  },
  audit: () => auditTransparency(parts),
});

function execute(
  parts: TransparencyParts,
  context: OperationContext,
  operation: TransparencyOperation,
): RejectedOutcome | undefined {
  switch (operation.type) {
    case 'transparency.anchor':
      return anchor(parts, context, operation);
    case 'transparency.recover':
      return recover(parts, context, operation);
    case 'transparency.publishAggregates':
      return publishAggregates(parts, context, operation);
    case 'transparency.dispute':
      return dispute(parts, context, operation);
    case 'transparency.settle':
      return settle(parts, context, operation);
    case 'transparency.registerReport':
      return registerReport(parts.transparency, context, operation);
    default:
      return unreachable(operation);
  }
}

function auditTransparency({ transparency }: TransparencyParts): string[] {
  const { anchors, publications, disputes, trusted } = transparency;
  const faults: string[] = [];
  for (const { key, value } of anchors.rows.values())
    if (value !== undefined && Number(key) > (trusted?.row.height ?? 0))
      faults.push(`height ${key} is anchored above what is trusted`);
  let disputed = 0;
  for (const { key, value } of publications.rows.values()) {
    if (value === undefined || value.dispute === '') continue;
    disputed++;
    if (disputes.get(value.dispute)?.publication !== key) faults.push(`${key} is disputed by nobody`);
  }
  const open = [...disputes.rows.values()].filter(({ value }) => value !== undefined).length;
  if (open !== disputed) faults.push(`there are ${open} disputes of ${disputed} publications`);
  return faults;
}
