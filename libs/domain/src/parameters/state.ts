import {
  parameterSchemas,
  PARAMETER_NAMES,
  type ParameterName,
  type ParameterValue,
  type PublicParameters,
} from '@gridtokenx/protocol';
import { assert } from '@gridtokenx/kernel';
import { plainTable, type Store, type Table } from '../ledger/store.js';

/** What the public ledger runs by, as it stands: each value is a row, so that it is in the digest and in snapshots. */
export class ParametersState {
  /** By name; the value as JSON in the order of its schema. */
  readonly values: Table<string>;
  private readonly read = new Map<ParameterName, { readonly text: string; readonly value: unknown }>();

  constructor(store: Store) {
    this.values = plainTable<string>(store, 'parameters.value', {
      encode: (writer, text) => void writer.text(text),
      decode: (reader) => reader.text(),
    });
  }

  get<N extends ParameterName>(name: N): ParameterValue<N> {
    const text = this.values.get(name);
    assert(text !== undefined, 'the genesis sets each parameter');
    let known = this.read.get(name);
    if (known?.text !== text) this.read.set(name, (known = { text, value: JSON.parse(text) as unknown }));
    return known.value as ParameterValue<N>;
  }

  /** An amount in micro-GRID. */
  amount(name: AmountParameter): bigint {
    return BigInt(this.get(name));
  }

  /** All of them, with `changed` in place of what stands. */
  with<N extends ParameterName>(changed?: { readonly name: N; readonly value: ParameterValue<N> }): PublicParameters {
    const all: Record<string, unknown> = {};
    for (const name of PARAMETER_NAMES) all[name] = name === changed?.name ? changed.value : this.get(name);
    return all as PublicParameters;
  }

  set<N extends ParameterName>(name: N, value: ParameterValue<N>): void {
    this.values.set(name, JSON.stringify(parameterSchemas[name].parse(value)));
  }
}

type AmountParameter = {
  [N in ParameterName]: ParameterValue<N> extends string ? N : never;
}[ParameterName];
