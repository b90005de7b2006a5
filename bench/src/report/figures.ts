import type { BookBenchResult } from '../book.js';
import type { SystemResult } from '../system/result.js';
import { bestFor, CONSENSUS_TARGET, verdictsOf } from '../system/targets.js';
import type { IdleBenchResult } from '../idle.js';
import { sumOf } from '../statistics.js';
import { growthVerdicts } from './growth.js';
import { systemResults, type PeerResult } from './markdown.js';
import type { Results } from './stored.js';
import { plain, table } from './text.js';

const BEGIN = '<!-- figures: written by npm run bench -- report -->';
const END = '<!-- /figures -->';

/** The table of the README, from the JSON of the report's runs. */
export function figuresOf(results: Results): string {
  const rows = [
    ...systemResults(results).flatMap(({ name, command, result }) => systemRow(name, command, result)),
    ...growthVerdicts(results.get('growth')).map(({ wanted, figure, met }) => [
      wanted,
      `${figure}${met ? '' : ': **missed**'}`,
      '`npm run bench -- growth`',
    ]),
    ...peerRows(results),
    ...bookRows(results),
    ...idleRows(results),
  ];
  return table(['what', 'figure', 'command'], rows);
}

function systemRow(_: string, command: string, result: SystemResult): string[][] {
  const verdicts = verdictsOf(result);
  const run = bestFor(result) ?? result;
  const { ledger, processes, validators, bus, entry, batch, workers, overload, deadLeader } = result;
  const where =
    `${validators} validators${ledger === 'public' ? ' of the public ledger' : ''} in ${processes === 1 ? 'one process' : `${processes} processes`} on the ${bus} bus, ` +
    `batches of ${batch}, ${entry === 'rest' ? 'over REST' : 'straight on the bus'}${workers === 1 ? '' : `, ${workers} workers`}`;
  const short = `\`${command.replace(/ --seconds .*$/, '')}\``;
  if (overload !== undefined || deadLeader !== undefined)
    return verdicts.map(({ name, figure, met }) => [name, `${figure}${met ? '' : ': **missed**'}`, short]);
  const target = verdicts
    .map(({ target: number, figure, met, missedBy }) => {
      const said = number === CONSENSUS_TARGET ? `: ${figure} of a core for consensus` : '';
      return ` (target ${number}${said}: ${met ? 'met' : `**missed** by ${missedBy}`})`;
    })
    .join('');
  return [
    [
      where,
      `${plain(run.committedPerSecond)}/s committed, finality p50 ${plain(run.finalityMsP50)} ms, p99 ${plain(run.finalityMsP99)} ms${target}`,
      short,
    ],
  ];
}

function peerRows(results: Results): string[][] {
  const peer = results.get('cometbft')?.result as PeerResult | undefined;
  if (peer === undefined) return [];
  const best = [...peer.runs].sort((a, b) => b.committedPerSecond - a.committedPerSecond)[0];
  const worst = [...peer.runs].sort((a, b) => b.offeredPerSecond - a.offeredPerSecond)[0];
  if (best === undefined || worst === undefined) return [];
  return [
    [
      `for scale: ${peer.peer} ${peer.version}, ${peer.nodes} nodes, a key-value application without signatures`,
      [...new Set([best, worst])]
        .map((run) => `${plain(run.committedPerSecond)}/s at ${plain(run.offeredPerSecond)}/s offered`)
        .join(', '),
      '`node bench/peers/cometbft.mjs`',
    ],
  ];
}

function bookRows(results: Results): string[][] {
  const book = results.get('book')?.result as BookBenchResult | undefined;
  if (book === undefined) return [];
  const command = '`npm run bench -- book`';
  return [
    [
      'the order book with escrow, fees and events, beside `nodejs-order-book` without them',
      `${plain(book.oursPerSecond)} against ${plain(book.theirsPerSecond)} operations/s: ${plain(book.ratio, 2)} times`,
      command,
    ],
  ];
}

function idleRows(results: Results): string[][] {
  const idle = results.get('idle')?.result as IdleBenchResult | undefined;
  if (idle === undefined) return [];
  return [
    [
      'idle: everything that `npm start` brings up, without load',
      `${plain(100 * sumOf(idle.cpuByProcess), 1)} % of a core, ${plain(idle.rssMb)} MB`,
      '`npm run bench -- idle`',
    ],
  ];
}

/** The text with what stands between the two marks replaced. */
export function withFigures(text: string, figures: string): string {
  const [from, to] = [text.indexOf(BEGIN), text.indexOf(END)];
  if (from < 0 || to < from) throw new Error('the README has no place for the figures');
  return `${text.slice(0, from)}${BEGIN}\n\n${figures}\n\n${text.slice(to)}`;
}
