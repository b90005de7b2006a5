import { parseArgs } from 'node:util';
import { UsageError, wholeNumber } from '../arguments.js';

export interface SimArguments {
  readonly mode: 'seeds' | 'one' | 'mutations';
  readonly seeds: number;
  /** The first seed. */
  readonly from: number;
  /** One run of the seeds for each. */
  readonly validators: readonly number[];
  readonly crypto: 'simulated' | 'real';
  readonly workers: number;
  readonly only: string | undefined;
  readonly json: boolean;
  readonly trace: boolean;
}

export const SIM_USAGE = `npm run sim -- [options]
  --seeds <n>            how many simulations (default 100), from --from <seed> (default 1)
  --validators <n,...>   4, 7 or 21; several share the seeds (default 4)
  --seed <n>             one simulation; with --trace each thing that happens in it
  --mutations            plants known bugs one after the other, each until it is caught, in at most 1000 seeds
  --only <name>          of the mutations one
  --crypto real          Ed25519 in place of simulated signatures
  --workers <n>          processes side by side (default 2)
  --json                 one JSON object on the last line
  --help                 this`;

const SIZES = [4, 7, 21];

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
        validators: { type: 'string', default: '4' },
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
  const { crypto, seed } = values;
  if (crypto !== 'simulated' && crypto !== 'real') throw new UsageError('--crypto is simulated or real');
  const validators = values.validators.split(',').map(Number);
  if (!validators.every((size) => SIZES.includes(size))) throw new UsageError('--validators takes 4, 7 or 21');
  return {
    mode: values.mutations ? 'mutations' : seed === undefined ? 'seeds' : 'one',
    seeds: wholeNumber('seeds', values.seeds, 1),
    from: wholeNumber('seed', seed ?? values.from, 0),
    validators,
    crypto,
    workers: wholeNumber('workers', values.workers, 1),
    only: values.only,
    json: values.json,
    trace: values.trace,
  };
}
