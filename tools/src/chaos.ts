import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { LedgerKind } from '@gridtokenx/protocol';
import { whyNoBroker } from '../kafka/broker.mjs';
import { FAULTS, suits } from './chaos/faults.js';
import { KINDS, type ChaosLayout } from './chaos/kinds.js';
import { runChaos, TABLE_HEAD, type LayoutResult } from './chaos/run.js';
import type { BusKind } from './chaos/world.js';

const USAGE = `npm run chaos -- [options]
  --ledger <kind>  consortium (default), or public: 10 processes of 10 validators, the consortium idle beside it
  --quick          the first layout only (4 processes of one validator), and the faults of the short form
  --layout PxV     only P processes with V validators in all (4x4, 7x21, 10x100); may be repeated
  --fault <name>   only this fault; may be repeated: ${FAULTS.map(({ name }) => name).join(', ')}
  --bus <bus>      kafka, or embedded: in Postgres, without the faults of Kafka; by default kafka where one can run
  --rate N         operations a second that are offered (default 100)
  --seed N         which processes are hit, and what is traded
  --keep           leave the folder with all state and logs
  --json           one JSON object on the last line`;

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      ledger: { type: 'string', default: 'consortium' },
      bus: { type: 'string' },
      quick: { type: 'boolean', default: false },
      layout: { type: 'string', multiple: true, default: [] },
      fault: { type: 'string', multiple: true, default: [] },
      rate: { type: 'string', default: '100' },
      seed: { type: 'string', default: String(Date.now() % 1_000_000) },
      keep: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(`${USAGE}\n`);
    return 0;
  }
  // What is said while it runs stays off standard output when that is to be parsed.
  const say = (line: string): void => void (values.json ? process.stderr : process.stdout).write(`${line}\n`);
  const { ledger, bus = busHere(say) } = values;
  if (!isLedger(ledger) || !isBus(bus)) throw new Error(USAGE);
  const possible = FAULTS.filter((fault) => suits(fault, ledger, bus));
  const unknown = values.fault.filter((name) => !possible.some((fault) => fault.name === name));
  if (unknown.length > 0)
    throw new Error(`no fault of the ${ledger} ledger on ${bus} is called ${unknown.join(', ')}\n${USAGE}`);
  const [seed, rate] = [Number(values.seed), Number(values.rate)];
  if (!Number.isSafeInteger(seed) || !Number.isSafeInteger(rate) || rate < 1) throw new Error(USAGE);
  const faults = possible.filter(({ name, quick }) =>
    values.fault.length > 0 ? values.fault.includes(name) : quick || !values.quick,
  );
  const { layouts: known } = KINDS[ledger];
  const layouts = values.layout.length > 0 ? values.layout.map(layoutOf) : values.quick ? known.slice(0, 1) : known;
  const startedMs = Date.now();
  const results: LayoutResult[] = [];
  const folder = await mkdtemp(join(tmpdir(), 'gridtokenx-chaos-'));
  try {
    for (const layout of layouts) {
      const name = `${layout.processes}x${layout.validators}`;
      say(
        `\nthe ${ledger} ledger, ${layout.validators} validators in ${layout.processes} processes, ${bus} bus, seed ${seed}`,
      );
      say(TABLE_HEAD);
      results.push(await runChaos({ folder: join(folder, name), kind: ledger, bus, layout, seed, rate, say }, faults));
    }
  } finally {
    if (values.keep) say(`state and logs stand in ${folder}`);
    else await rm(folder, { recursive: true, force: true });
  }
  const seconds = Math.round((Date.now() - startedMs) / 1_000);
  const ok = results.every((result) => result.ok);
  say(`\nseed ${seed}, ${seconds} s: ${ok ? 'every fault was come through' : 'FAILED'}`);
  if (values.json)
    process.stdout.write(`${JSON.stringify({ ledger, bus, seed, seconds, rate, ok, layouts: results })}\n`);
  return ok ? 0 : 1;
}

const isLedger = (text: string): text is LedgerKind => Object.hasOwn(KINDS, text);
const isBus = (text: string): text is BusKind => text === 'kafka' || text === 'embedded';

function busHere(say: (line: string) => void): BusKind {
  const why = whyNoBroker();
  if (why === undefined) return 'kafka';
  say(`no Kafka broker can run here (${why}): the bus is in Postgres, and the faults of Kafka are NOT made`);
  return 'embedded';
}

function layoutOf(text: string): ChaosLayout {
  const [processes = 0, validators = 0] = text.split('x').map(Number);
  if (!Number.isSafeInteger(processes) || !Number.isSafeInteger(validators) || processes < 1 || validators < processes)
    throw new Error(`--layout takes processes x validators, such as 7x21, not ${text}`);
  return { processes, validators };
}

try {
  process.exitCode = await main();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
  process.exitCode = 1;
}
// Requests that nobody waits for any more must not keep a finished run alive.
process.exit();
