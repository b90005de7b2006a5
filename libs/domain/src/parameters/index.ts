import { assert, JsonError, parseStrictJson, type Json } from '@gridtokenx/kernel';
import {
  parameterSchemas,
  PARAMETER_NAMES,
  rejected,
  trackOfParameter,
  type OperationOf,
  type ParameterName,
  type RejectedOutcome,
} from '@gridtokenx/protocol';
import type { LedgerModule, OperationContext } from '../ledger/module.js';
import { parametersFault } from './check.js';
import type { ParametersState } from './state.js';

export const parametersModule = (parameters: ParametersState): LedgerModule<'parameters.set'> => ({
  name: 'parameters',
  operations: ['parameters.set'],
  genesis: (genesis) => {
    assert(genesis.kind === 'public', 'only the public ledger has parameters');
    const fault = parametersFault(genesis.parameters);
    assert(fault === undefined, `parameters of a genesis fit together: ${fault}`);
    for (const name of PARAMETER_NAMES) parameters.set(name, genesis.parameters[name]);
  },
  execute: (context, operation) => setParameter(parameters, context, operation),
});

function jsonIn(text: string): Json | undefined {
  try {
    return parseStrictJson(text);
  } catch (error) {
    if (error instanceof JsonError) return undefined;
    throw error;
  }
}

/** SPEC parameters 3.1: by a referendum of root, or of the track that the parameter is of. */
function setParameter(
  parameters: ParametersState,
  context: OperationContext,
  { name, value }: OperationOf<'parameters.set'>,
): RejectedOutcome | undefined {
  if (context.track !== 'root' && context.track !== trackOfParameter(name)) return rejected('key.notAuthorised');
  const read = parameterSchemas[name].safeParse(jsonIn(value));
  if (!read.success) return rejected('parameters.badValue', { name, reason: read.error.issues[0]?.message ?? '' });
  const fault = parametersFault(parameters.with<ParameterName>({ name, value: read.data }));
  if (fault !== undefined) return rejected('parameters.badValue', { name, reason: fault });
  const before = JSON.stringify(parameters.get(name));
  parameters.set<ParameterName>(name, read.data);
  const after = JSON.stringify(parameters.get(name));
  context.events.push({ type: 'parameters.changed', name, before, after });
  return undefined;
}
