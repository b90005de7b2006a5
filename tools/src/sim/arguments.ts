import { parseArgs } from 'node:util';
import type { LedgerKind } from '@gridtokenx/protocol';
import { HEIGHTS_MIN } from '@gridtokenx/testkit';
import { UsageError, wholeNumber } from '../arguments.js';

export interface SimArguments {
  readonly ledger: LedgerKind;
  readonly mode: 'seeds' | 'one' | 'mutations';
  readonly seeds: number;
  /** The first seed. */
  readonly from: number;
  /** One run of the seeds for each. */
  readonly validators: readonly number[];
  /** That each world reaches at least. */
  readonly heights: number;
  readonly crypto: 'simulated' | 'real';
  readonly workers: number;
  readonly only: string | undefined;
  readonly json: boolean;
  readonly trace: boolean;
}

export const SIM_USAGE = `npm run sim -- [options]
  --seeds <n>            how many simulations (default 100), from --from <seed> (default 1)
  --ledger <kind>        consortium or public (default consortium)
  --validators <n,...>   4, 7 or 21; several share the seeds (default 4); of the public ledger 100
  --heights <n>          that each world reaches at least (default 20, of the public ledger 10)
  --seed <n>             one simulation; with --trace each thing that happens in it
  --mutations            plants known bugs one after the other, each until it is caught, in at most 1000 seeds
  --only <name>          of the mutations one
  --crypto real          Ed25519 in place of simulated signatures
  --workers <n>          processes side by side (default 2)
  --json                 one JSON object on the last line
  --help                 this`;

/** Heights of a large world cost more, and it is as many machines that are at odds. */
const KINDS: Readonly<Record<LedgerKind, { readonly sizes: readonly number[]; readonly heights: number }>> = {
  consortium: { sizes: [4, 7, 21], heights: HEIGHTS_MIN },
  public: { sizes: [100], heights: 10 },
};

export const usualHeights = (ledger: LedgerKind): number => KINDS[ledger].heights;

/** `undefined` when only help was asked for. Throws {@link UsageError}. */
export function simArguments(argv: readonly string[]): SimArguments | undefined {
  let values;
  try {
    ({ values } = parseArgs({
      args: [...argv],
      options: {
        seeds: { type: 'string', default: '100' },
        from: { type: 'string', default: '1' },
        seed: { type: 'string' },
        ledger: { type: 'string', default: 'consortium' },
        validators: { type: 'string' },
        heights: { type: 'string' },
        mutations: { type: 'boolean', default: false },
        only: { type: 'string' },
        crypto: { type: 'string', default: 'simulated' },
        workers: { type: 'string', default: '2' },
        json: { type: 'boolean', default: false },
        trace: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    }));
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : 'unknown option');
  }
  if (values.help) return undefined;
  const { crypto, seed, ledger } = values;
  if (ledger !== 'consortium' && ledger !== 'public') throw new UsageError('--ledger is consortium or public');
  const { sizes, heights } = KINDS[ledger];
  if (crypto !== 'simulated' && crypto !== 'real') throw new UsageError('--crypto is simulated or real');
  const validators = (values.validators ?? String(sizes[0])).split(',').map(Number);
  if (!validators.every((size) => sizes.includes(size)))
    throw new UsageError(`--validators takes ${sizes.join(', ')} on the ${ledger} ledger`);
  return {
    mode: values.mutations ? 'mutations' : seed === undefined ? 'seeds' : 'one',
    seeds: wholeNumber('seeds', values.seeds, 1),
    from: wholeNumber('seed', seed ?? values.from, 0),
    ledger,
    validators,
    heights: wholeNumber('heights', values.heights ?? String(heights), 1),
    crypto,
    workers: wholeNumber('workers', values.workers, 1),
    only: values.only,
    json: values.json,
    trace: values.trace,
  };
}
