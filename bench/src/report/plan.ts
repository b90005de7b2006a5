/** One command of the report; its JSON is kept under its name. */
export interface Planned {
  readonly name: string;
  /** `bench`: an argument list of `npm run bench --`. `peer`: of the script of the peers. */
  readonly kind: 'bench' | 'peer';
  readonly args: readonly string[];
}

/** Rates that both CometBFT and the four validator processes are offered, one after the other. */
const BESIDE_PEERS = ['1000', '2000', '4000', '6000'];
const BESIDE_PEERS_QUICK = ['1000', '4000'];

const FOUR_ON_KAFKA = ['--processes', '4', '--bus', 'kafka'];
const SIGNED = ['--batch', '1'];
const BATCHED = ['--batch', '100'];

/** In the order in which they run: what is compared stands next to each other. */
export function planOf(quick: boolean): Planned[] {
  const times = quick ? ['--seconds', '5', '--warm-up', '3'] : ['--seconds', '10', '--warm-up', '4'];
  const rates = (quick ? BESIDE_PEERS_QUICK : BESIDE_PEERS).flatMap((rate) => ['--rate', rate]);
  const bench = (name: string, ...args: string[]): Planned => ({ name, kind: 'bench', args });
  const path = (name: string, ...args: string[]): Planned => bench(name, 'consortium', ...args, ...times);
  /** A quick report offers one rate instead of searching. */
  const search = (from: number, one: number): string[] => (quick ? ['--rate', String(one)] : ['--from', String(from)]);
  const all = [
    bench('book', 'book'),
    bench('idle', 'idle', '--seconds', quick ? '10' : '30'),
    bench('growth', 'growth', ...(quick ? ['--large', '100000', '--rounds', '10'] : [])),
    path('one-signed-bus', ...SIGNED, '--entry', 'bus', ...search(4_000, 5_000)),
    path('one-signed-bus-2-workers', ...SIGNED, '--entry', 'bus', '--workers', '2', ...search(4_000, 5_000)),
    path('one-signed-rest', ...SIGNED, '--entry', 'rest', ...search(2_500, 2_500)),
    path('one-batched-bus', ...BATCHED, '--entry', 'bus', ...search(10_000, 15_000)),
    path('one-batched-rest', ...BATCHED, '--entry', 'rest', ...search(8_000, 10_000)),
    path('four-batched-bus', ...FOUR_ON_KAFKA, ...BATCHED, '--entry', 'bus', ...search(6_000, 8_000)),
    path('four-batched-rest', ...FOUR_ON_KAFKA, ...BATCHED, '--entry', 'rest', ...search(5_000, 6_000)),
    { name: 'cometbft', kind: 'peer' as const, args: [...rates, ...times] },
    path('four-signed-bus', ...FOUR_ON_KAFKA, ...SIGNED, '--entry', 'bus', ...rates),
    path('four-signed-rest', ...FOUR_ON_KAFKA, ...SIGNED, '--entry', 'rest', ...search(1_500, 1_500)),
    path('overload', ...BATCHED, '--overload', '--from', '8000'),
    // Long enough that each of 21 validators has its turn.
    bench('dead-leader-one', 'consortium', ...BATCHED, '--dead-leader', '--rate', '1000', '--seconds', '25'),
    path('dead-leader-four', ...FOUR_ON_KAFKA, ...BATCHED, '--dead-leader', '--rate', '1000'),
  ];
  const left = new Set(
    quick ? ['one-signed-bus-2-workers', 'one-batched-rest', 'four-batched-rest', 'one-signed-rest'] : [],
  );
  return all.filter(({ name }) => !left.has(name));
}

export const commandOf = ({ kind, args }: Planned): string =>
  kind === 'bench'
    ? `npm run bench -- ${args.join(' ')} --json`
    : `node bench/peers/cometbft.mjs ${args.join(' ')} --json`;
