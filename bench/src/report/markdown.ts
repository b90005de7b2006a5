import type { IdleBenchResult } from '../idle.js';
import type { SystemResult } from '../system/result.js';
import type { SystemRun } from '../system/run.js';
import { bestFor, verdictsOf, type Verdict } from '../system/targets.js';
import { sumOf } from '../statistics.js';
import { growthSection, growthVerdicts } from './growth.js';
import type { Results, Stored } from './stored.js';
import { percent, plain, table } from './text.js';

/** What `bench/peers/cometbft.mjs` prints. */
export interface PeerResult {
  readonly peer: string;
  readonly version: string;
  readonly nodes: number;
  readonly txBytes: number;
  readonly mempool: number;
  readonly seconds: number;
  readonly runs: readonly PeerRun[];
}

export interface PeerRun extends Pick<
  SystemRun,
  | 'offeredPerSecond'
  | 'loadOffered'
  | 'committedPerSecond'
  | 'finalityMsP50'
  | 'finalityMsP99'
  | 'ackMsP99'
  | 'cpuCores'
  | 'stolenCores'
  | 'rssMb'
  | 'roundsPerHeight'
  | 'cpuUsPerOperation'
> {
  readonly refused: number;
  /** Taken by a node and in no block. */
  readonly notDecided: number;
}

interface Measured {
  readonly name: string;
  readonly command: string;
  readonly result: SystemResult;
}

const isSystem = ({ command }: Stored): boolean => / (consortium|public) /.test(command);

export const systemResults = (results: Results): Measured[] =>
  [...results].flatMap(([name, stored]) =>
    isSystem(stored) && stored.result !== undefined
      ? [{ name, command: stored.command, result: withLedger(stored.result as SystemResult) }]
      : [],
  );

/** What an older report kept is of the ledger that there was. */
const withLedger = ({
  ledger,
  ...result
}: Partial<Pick<SystemResult, 'ledger'>> & Omit<SystemResult, 'ledger'>): SystemResult => ({
  ...result,
  ledger: ledger ?? 'consortium',
});

/** The whole report from the JSON of its runs, and from nothing else. */
export function reportOf(results: Results): string {
  const measured = systemResults(results);
  const climbs = measured.filter(({ result }) => result.overload === undefined && result.deadLeader === undefined);
  return `${[
    '# Performance report',
    'Written by `npm run bench -- report` from the JSON in `bench/results`; nothing here is typed by hand. ' +
      '[README.md](README.md) defines the load and each figure, and tells what was profiled, changed and tried.',
    ...machineSection(results),
    ...failureSection(results),
    ...targetSection(results, measured),
    ...saturationSection(climbs),
    ...latencySection(climbs),
    ...verificationSection(climbs),
    ...resourceSection(climbs),
    ...consensusSection(climbs),
    ...overloadSection(measured),
    ...deadLeaderSection(measured),
    ...growthSection(results.get('growth')),
    ...peerSection(results),
    ...idleSection(results),
    ...commandSection(results),
  ].join('\n\n')}\n`;
}

const resultOf = <T>(results: Results, name: string): T | undefined => results.get(name)?.result as T | undefined;

function machineSection(results: Results): string[] {
  const known = [...results.values()].flatMap(({ result }) => {
    const { machine, commit } = (result ?? {}) as Partial<SystemResult>;
    return machine === undefined || commit === undefined ? [] : [{ machine, commit }];
  });
  const distinct = (of: (one: (typeof known)[number]) => string): string => [...new Set(known.map(of))].join('; ');
  const limits = systemResults(results).map(({ result }) => result.verifyPerSecondLimit);
  const loads = known.map(({ machine }) => machine.loadAverage);
  const range = (values: readonly number[], digits = 0): string =>
    values.length === 0 ? '' : `${plain(Math.min(...values), digits)} to ${plain(Math.max(...values), digits)}`;
  return [
    '## Machine',
    table(
      ['what', 'value'],
      [
        ['processor', distinct(({ machine }) => `${machine.cores} cores, ${machine.model}`)],
        ['memory', distinct(({ machine }) => `${machine.memoryGb} GB`)],
        ['kernel, Node', distinct(({ machine }) => `${machine.kernel}, ${machine.node}`)],
        ['commit', distinct(({ commit }) => commit)],
        ['Ed25519 verifications a second of one core, before each run', range(limits)],
        ['load average before each run', range(loads, 2)],
      ],
    ),
    'Load generator, bench, Kafka and Postgres run on the same cores and are counted in every figure of CPU and memory.',
  ];
}

function failureSection(results: Results): string[] {
  const failed = [...results].filter(([, { failure }]) => failure !== undefined);
  if (failed.length === 0) return [];
  return [
    '## Runs that failed',
    ...failed.map(([name, { command, failure = '' }]) => `\`${name}\` (\`${command}\`):\n\n\`\`\`\n${failure}\n\`\`\``),
  ];
}

const whereOf = ({ ledger, processes, validators, bus, entry, batch, workers }: SystemResult): string =>
  `${ledger === 'public' ? 'the public ledger, ' : ''}` +
  `${processes === 1 ? 'one process' : `${processes} processes`}, ${validators} validators, ${bus}, ` +
  `batch ${batch}, ${entry}, ${workers} ${workers === 1 ? 'worker' : 'workers'}`;

function targetSection(results: Results, measured: readonly Measured[]): string[] {
  const rows = [
    ...measured.flatMap(({ name, result }) =>
      verdictsOf(result).map((verdict) => targetRow(verdict, name, limitOf(result, verdict))),
    ),
    ...growthVerdicts(results.get('growth')).map((verdict) => targetRow(verdict, 'growth', '')),
  ].sort((a, b) => (a[0] ?? '').localeCompare(b[0] ?? '', 'en'));
  return [
    '## Targets',
    'Targets 1 to 3 may be met by either entry. What limits a run that missed is read off its CPU figures.',
    table(['target', 'run', 'wanted', 'figure', 'met', 'missed by', 'what limits it'], rows),
  ];
}

const targetRow = (verdict: Verdict, run: string, limit: string): string[] => [
  verdict.target,
  run,
  verdict.wanted,
  verdict.figure,
  verdict.met ? 'yes' : '**no**',
  verdict.missedBy,
  verdict.met ? '' : limit,
];

const ALL_OF_IT = 0.9;

/** What had no more to give at the rate that was too much. */
function limitOf({ runs, machine }: SystemResult, { met }: Verdict): string {
  const hardest = [...runs].sort((a, b) => b.cpuCores - a.cpuCores)[0];
  if (met || hardest === undefined) return '';
  const [name = '', cores = 0] = Object.entries(hardest.cpuByProcess).sort(([, a], [, b]) => b - a)[0] ?? [];
  const used = `${plain(hardest.cpuCores, 2)} of ${machine.cores} cores`;
  const most = `${name} ${plain(cores, 2)}`;
  if (hardest.cpuCores + hardest.stolenCores > ALL_OF_IT * machine.cores) return `CPU: ${used} used, most by ${most}`;
  return cores > ALL_OF_IT
    ? `the thread of ${most} of one core; ${used} used`
    : `not CPU: ${used} used, most by ${most}`;
}

function saturationSection(climbs: readonly Measured[]): string[] {
  return [
    '## Saturation',
    'Offered and committed operations a second. A rate is held when 97 % of it is committed, finality and projection lag ' +
      'p99 stay below 3 s (on the public ledger 12 s) and nothing is lost; the highest held rate stands in bold.',
    ...climbs.flatMap(({ name, result }) => {
      const rows = [...result.runs].sort((a, b) => a.offeredPerSecond - b.offeredPerSecond);
      const highest = rows.findLast(({ sustained }) => sustained);
      return [
        `### ${name}`,
        `${whereOf(result)}.`,
        table(
          [
            ...['offered/s', 'sent/s', 'committed/s', 'projected/s', 'finality p50 / p99 ms', 'projection p99 ms'],
            ...['operations/block', 'rounds/height', 'cores (stolen)', 'us/operation', 'MB', 'lost'],
          ],
          rows.map((run) => [
            run === highest ? `**${plain(run.offeredPerSecond)}**` : plain(run.offeredPerSecond),
            plain(run.loadOffered),
            plain(run.committedPerSecond),
            plain(run.projectedPerSecond),
            `${plain(run.finalityMsP50)} / ${plain(run.finalityMsP99)}`,
            plain(run.projectionLagMsP99),
            plain(run.operationsPerBlock),
            plain(run.roundsPerHeight, 2),
            `${plain(run.cpuCores, 2)} (${plain(run.stolenCores, 2)})`,
            plain(run.cpuUsPerOperation),
            plain(run.rssMb),
            plain(run.lost),
          ]),
        ),
      ];
    }),
  ];
}

/** The run that counts for the targets. */
const bestOf = (result: SystemResult): SystemRun => bestFor(result) ?? result;

function latencySection(climbs: readonly Measured[]): string[] {
  return [
    '## Latency and rounds',
    'At the best rate of each: from the acknowledgement to the certified block being readable; then how long after that ' +
      'the gateway answered at its height.',
    table(
      ['run', 'offered/s', 'p50 ms', 'p90 ms', 'p99 ms', 'max ms', 'ack p99 ms', 'projection p99 ms', 'rounds > 0'],
      climbs.map(({ name, result }) => {
        const run = bestOf(result);
        return [
          name,
          ...[run.offeredPerSecond, run.finalityMsP50, run.finalityMsP90, run.finalityMsP99, run.finalityMsMax].map(
            (value) => plain(value),
          ),
          plain(run.ackMsP99),
          plain(run.projectionLagMsP99),
          `${run.roundsAboveZero} of ${run.blocks} blocks`,
        ];
      }),
    ),
  ];
}

function verificationSection(climbs: readonly Measured[]): string[] {
  return [
    '## Verification',
    'Signatures that each process verified in the run at the best rate, warm-up included, beside the envelopes in its ' +
      'blocks. A validator process that verified fewer would have believed another one.',
    table(
      ['run', 'workers', 'committed/s', 'of the limit of one core', 'envelopes decided', 'verified by each process'],
      climbs.map(({ name, result }) => {
        const run = bestOf(result);
        return [
          name,
          plain(result.workers),
          plain(run.committedPerSecond),
          percent(run.committedPerSecond / result.verifyPerSecondLimit),
          plain(run.envelopesDecided),
          Object.entries(run.verificationsPerProcess)
            .map(([process, count]) => `${process} ${plain(count)}`)
            .join(', '),
        ];
      }),
    ),
  ];
}

const shares = (record: Readonly<Record<string, number>>, digits: number): string =>
  Object.entries(record)
    .sort(([, a], [, b]) => b - a)
    .map(([process, value]) => `${process} ${plain(value, digits)}`)
    .join(', ');

function resourceSection(climbs: readonly Measured[]): string[] {
  return [
    '## CPU and memory by process',
    'At the best rate: cores, and proportional set size in MB.',
    table(
      ['run', 'cores', 'by process', 'MB', 'by process'],
      climbs.map(({ name, result }) => {
        const run = bestOf(result);
        return [
          name,
          plain(run.cpuCores, 2),
          shares(run.cpuByProcess, 2),
          plain(run.rssMb),
          shares(run.rssByProcess, 0),
        ];
      }),
    ),
  ];
}

/** Of the public ledger: that so many validators agree must not cost what the operations need. */
function consensusSection(climbs: readonly Measured[]): string[] {
  const rows = climbs
    .filter(({ result: { ledger } }) => ledger === 'public')
    .flatMap(({ name, result }) =>
      [...result.runs]
        .sort((a, b) => a.offeredPerSecond - b.offeredPerSecond)
        .map((run) => [
          name,
          plain(result.validators),
          plain(run.offeredPerSecond),
          plain(run.operationsPerBlock),
          shares(run.consensusCores, 2),
          plain(run.cpuCores, 2),
        ]),
    );
  if (rows.length === 0) return [];
  return [
    '## The public ledger: what agreeing costs',
    'Cores for consensus alone: processor time of the thread around steps, verification of messages, signatures, signer ' +
      'records and frames, without building, checking, running and packing blocks.',
    table(['run', 'validators', 'offered/s', 'operations/block', 'cores for consensus', 'cores for all'], rows),
  ];
}

function overloadSection(measured: readonly Measured[]): string[] {
  const rows = measured.flatMap(({ name, result: { overload } }) =>
    overload === undefined
      ? []
      : [
          [
            name,
            plain(overload.peakPerSecond),
            plain(overload.run.offeredPerSecond),
            plain(overload.run.committedPerSecond),
            percent(overload.ofPeak),
            `${plain(overload.run.busy)} (${plain(overload.run.busyWithRetryAfter)})`,
            plain(overload.run.refusedOperations),
            `${plain(overload.rssAtPeakMb)} / ${plain(overload.run.rssMb)}`,
            plain(overload.run.rssGrowth, 2),
            `${plain(overload.backToNormalMs)} (${plain(overload.normalMs)})`,
            plain(overload.run.lost),
          ],
        ],
  );
  return [
    '## Overload',
    'Twice the highest committed rate of a search for saturation, then one envelope five times a second.',
    table(
      [
        ...['run', 'peak/s', 'offered/s', 'committed/s', 'of the peak', 'answers of 429 (with Retry-After)'],
        ...['operations refused', 'MB at the peak / overloaded', 'second half over first'],
        ...['ms until normal (normal: ms)', 'lost'],
      ],
      rows,
    ),
  ];
}

function deadLeaderSection(measured: readonly Measured[]): string[] {
  const runs = measured.flatMap(({ name, result }) =>
    result.deadLeader === undefined ? [] : [{ name, result, deadLeader: result.deadLeader }],
  );
  return [
    '## One dead leader',
    'A validator is killed when the measured seconds begin and stays dead. Of each height that it should have led: the ' +
      'round in which another one led it, and the time from the block before being readable to this one being readable.',
    ...runs.flatMap(({ name, result, deadLeader }) => [
      `### ${name}`,
      `${whereOf(result)}, ${plain(deadLeader.run.offeredPerSecond)}/s offered, ` +
        `${plain(deadLeader.run.committedPerSecond)}/s committed, finality p50 / p99 ` +
        `${plain(deadLeader.run.finalityMsP50)} / ${plain(deadLeader.run.finalityMsP99)} ms, ` +
        `${plain(deadLeader.run.roundsPerHeight, 2)} rounds a height. Heights that a living validator led took ` +
        `${plain(deadLeader.othersWorstMs)} ms at most.`,
      table(
        ['height', 'round', 'ms'],
        deadLeader.heights.map(({ height, round, ms }) => [plain(height), plain(round), plain(ms)]),
      ),
    ]),
  ];
}

function peerSection(results: Results): string[] {
  const peer = resultOf<PeerResult>(results, 'cometbft');
  if (peer === undefined) return ['## Peers', '_CometBFT was not measured: Go is not installed, or the build failed._'];
  const ours = ['four-signed-bus', 'four-signed-rest'].flatMap((name) => {
    const result = resultOf<SystemResult>(results, name);
    return result === undefined ? [] : [{ name, result }];
  });
  return [
    '## Peers',
    `${peer.peer} ${peer.version}, ${peer.nodes} nodes on the same machine just before ours, blocks 1 s apart, a mempool ` +
      `of ${plain(peer.mempool)} (its default). Its key-value application takes transactions of ${peer.txBytes} bytes and ` +
      'verifies no signature; ours are individually signed orders, cancels and transfers, verified by each of four ' +
      'processes, matched, and projected to Postgres.',
    table(
      ['who', 'offered/s', 'committed/s', 'finality p50 / p99 ms', 'cores', 'us/operation', 'MB', 'refused', 'lost'],
      [
        ...peer.runs.map((run) => [peer.peer, ...besides(run), plain(run.refused), plain(run.notDecided)]),
        ...ours.flatMap(({ name, result }) =>
          [...result.runs]
            .sort((a, b) => a.offeredPerSecond - b.offeredPerSecond)
            .map((run) => [name, ...besides(run), plain(run.refusedOperations), plain(run.lost)]),
        ),
      ],
    ),
  ];
}

const besides = (run: PeerRun | SystemRun): string[] => [
  plain(run.offeredPerSecond),
  plain(run.committedPerSecond),
  `${plain(run.finalityMsP50)} / ${plain(run.finalityMsP99)}`,
  plain(run.cpuCores, 2),
  plain(run.cpuUsPerOperation),
  plain(run.rssMb),
];

function idleSection(results: Results): string[] {
  const idle = resultOf<IdleBenchResult>(results, 'idle');
  if (idle === undefined) return [];
  return [
    '## Idle',
    `Without load, over ${plain(idle.seconds)} s: ${plain(100 * sumOf(idle.cpuByProcess), 1)} % of a core and ` +
      `${plain(idle.rssMb)} MB.`,
  ];
}

function commandSection(results: Results): string[] {
  return [
    '## Commands',
    table(
      ['run', 'command'],
      [...results].map(([name, { command }]) => [name, `\`${command}\``]),
    ),
  ];
}
