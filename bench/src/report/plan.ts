/** One command of the report; its JSON is kept under its name. */
export interface Planned {
  readonly name: string;
  /** `bench`: an argument list of `npm run bench --`. `peer`: of the script of the peers. */
  readonly kind: 'bench' | 'peer';
  readonly args: readonly string[];
}

/** Rates that both CometBFT and the four validator processes are offered, one after the other. */
const BESIDE_PEERS = [1_000, 2_000, 4_000, 6_000];
const BESIDE_PEERS_QUICK = [1_000, 4_000];

const FOUR_ON_KAFKA = ['--processes', '4', '--bus', 'kafka'];
const SIGNED = ['--batch', '1'];
const BATCHED = ['--batch', '100'];

/** In the order in which they run: what is compared stands next to each other. */
export function planOf(quick: boolean): Planned[] {
  const rates = (...all: number[]): string[] => all.flatMap((rate) => ['--rate', String(rate)]);
  const besidePeers = rates(...(quick ? BESIDE_PEERS_QUICK : BESIDE_PEERS));
  // Four processes and a broker compile for longer, since each of them sees every operation and none sees many.
  const times = (warmUp: number): string[] =>
    quick ? ['--seconds', '5', '--warm-up', '3'] : ['--seconds', '10', '--warm-up', String(warmUp)];
  const bench = (name: string, ...args: string[]): Planned => ({ name, kind: 'bench', args });
  const one = (name: string, ...args: string[]): Planned => bench(name, 'consortium', ...args, ...times(6));
  const four = (name: string, ...args: string[]): Planned =>
    bench(name, 'consortium', ...FOUR_ON_KAFKA, ...args, ...times(10));
  /** Below, near and beyond what a machine of two cores commits; a quick report offers one rate. */
  const climb = (usual: number, ...others: number[]): string[] => rates(...(quick ? [usual] : [usual, ...others]));
  const all = [
    bench('book', 'book'),
    bench('idle', 'idle', '--seconds', quick ? '10' : '30'),
    bench('growth', 'growth', ...(quick ? ['--large', '100000', '--rounds', '10'] : [])),
    one('one-signed-bus', ...SIGNED, '--entry', 'bus', ...climb(4_000, 6_000, 7_000, 7_600, 9_000)),
    one('one-signed-bus-2-workers', ...SIGNED, '--entry', 'bus', '--workers', '2', ...climb(4_000, 6_000, 7_600)),
    one('one-signed-rest', ...SIGNED, '--entry', 'rest', ...climb(2_500, 3_500, 5_000)),
    one('one-batched-bus', ...BATCHED, '--entry', 'bus', ...climb(10_000, 16_000, 20_000, 30_000)),
    one('one-batched-rest', ...BATCHED, '--entry', 'rest', ...climb(8_000, 12_000, 16_000)),
    four('four-batched-bus', ...BATCHED, '--entry', 'bus', ...climb(4_000, 6_000, 8_000, 15_000)),
    four('four-batched-rest', ...BATCHED, '--entry', 'rest', ...climb(4_000, 6_000)),
    { name: 'cometbft', kind: 'peer' as const, args: [...besidePeers, ...times(10)] },
    four('four-signed-bus', ...SIGNED, '--entry', 'bus', ...besidePeers),
    four('four-signed-rest', ...SIGNED, '--entry', 'rest', ...climb(1_000, 2_000)),
    bench('public', 'public', '--validators', '100', ...(quick ? ['--rate', '1000', '--seconds', '24'] : [])),
    one('overload', ...BATCHED, '--overload', '--from', '8000'),
    // Long enough that each of 21 validators has its turn.
    bench('dead-leader-one', 'consortium', ...BATCHED, '--dead-leader', '--rate', '1000', '--seconds', '25'),
    four('dead-leader-four', ...BATCHED, '--dead-leader', '--rate', '1000'),
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
