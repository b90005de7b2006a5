import { parseTime } from '@gridtokenx/kernel';
import { rejected, type OperationOf, type RejectedOutcome } from '@gridtokenx/protocol';
import type { OperationContext } from '../ledger/module.js';
import type { TransparencyState } from './state.js';

/** SPEC transparency 2.1 and 2.2 */
export function registerReport(
  { reports }: TransparencyState,
  context: OperationContext,
  operation: OperationOf<'transparency.registerReport'>,
): RejectedOutcome | undefined {
  const { kind, periodFrom, periodTo, hash, verifier, supersedes } = operation;
  const { account } = context.key;
  if (account === '') return rejected('key.notAuthorised');
  const [from, to] = [parseTime(periodFrom) ?? 0, parseTime(periodTo) ?? 0];
  if (from >= to) return rejected('transparency.badPeriod');
  const name = `${account}/${kind}/${from}-${to}`;
  const before = reports.get(name);
  if (before?.report !== supersedes)
    return rejected('transparency.otherVersion', before === undefined ? {} : { newest: before.report });
  const version = (before?.version ?? 0) + 1;
  const report = context.operationId;
  reports.set(name, { report, hash, version });
  context.events.push({
    type: 'transparency.reportRegistered',
    report,
    account,
    kind,
    periodFrom,
    periodTo,
    hash,
    verifier,
    version,
    ...(supersedes === undefined ? {} : { supersedes }),
  });
  return undefined;
}
