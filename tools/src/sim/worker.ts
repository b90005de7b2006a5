// One process of the simulator: plants a mutation if one is named, then runs the seeds it is sent.
import type { SimulationOptions, SimulationResult } from '@gridtokenx/testkit';
import { mutationNamed } from './mutations.js';
import { plant } from './plant.js';

export type Task = Required<Pick<SimulationOptions, 'seed' | 'ledger' | 'validators' | 'heights'>>;

const [mutation = '', crypto = 'simulated'] = process.argv.slice(2);
if (mutation !== '') plant(mutationNamed(mutation));

// Only now: what is imported before a mutation is planted would escape it.
const { simulate } = await import('@gridtokenx/testkit');
const real = crypto === 'real' ? (await import('@gridtokenx/crypto-native')).native : undefined;

process.on('message', (task: Task) => {
  void simulate({ ...task, ...(real && { crypto: real }) }).then(
    (result: SimulationResult) => process.send?.(result),
    (error: unknown) => {
      process.stderr.write(`seed ${task.seed}: ${error instanceof Error ? error.stack : String(error)}\n`);
      process.exit(1);
    },
  );
});
process.on('disconnect', () => process.exit(0));
process.send?.('ready');
