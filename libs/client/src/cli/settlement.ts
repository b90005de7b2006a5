import {
  participantStatement,
  statementCsv,
  statementJson,
  utilityStatement,
  type Histories,
  type Statement,
} from '@gridtokenx/chain';
import { noble } from '@gridtokenx/crypto';
import { utf8 } from '@gridtokenx/kernel';
import type { OperationOf } from '@gridtokenx/protocol';
import { isRecord } from '../problem.js';
import { readHistories } from '../read-histories.js';
import { EXIT, usage, type Command, type Context, type Option } from './command.js';
import { parseIntervalText, parseTimeText, type Parsed } from './notation.js';
import { anchorOf, clientOf, genesisOption, readJson, readText, urlOption } from './shared.js';
import { checked } from './submit.js';

const blocks: Readonly<Record<string, Option>> = {
  genesis: { ...genesisOption, required: true },
  url: { ...urlOption, about: 'a gateway that gives the blocks; it is not believed', required: true },
  height: { value: 'HEIGHT', about: 'of the last block that counts; all there are by default' },
};
const position: Readonly<Record<string, Option>> = {
  account: { value: 'ID', about: '32 hex digits', required: true },
  zone: { value: 'ZONE', about: 'such as MEA-BKK-01', required: true },
  interval: { value: 'INTERVAL', about: 'such as 2026-06-15T03:00:00Z/PT15M', required: true },
};
const out: Option = { value: 'FILE', about: 'where it goes', required: true };

async function historiesOf(context: Context): Promise<{ histories: Histories; height: number }> {
  const height = context.get('height');
  if (height !== undefined && !/^[1-9]\d{0,14}$/.test(height))
    throw usage(`--height ${height} is not the height of a block`);
  const client = clientOf(context);
  return readHistories(
    (at) => client.blockRecord(at),
    anchorOf(context),
    height === undefined ? {} : { to: Number(height) },
  );
}

function accountOf(context: Context): string {
  const account = context.need('account');
  if (!/^[0-9a-f]{32}$/.test(account)) throw usage('--account is 32 hex digits in lower case');
  return account;
}

function parsed<T>(result: Parsed<T>): T {
  if ('fault' in result) throw usage(result.fault.reason, result.fault.hint);
  return result.value;
}

const positionOf = (context: Context): { account: string; zone: string; interval: string } => ({
  account: accountOf(context),
  zone: context.need('zone'),
  interval: parsed(parseIntervalText(context.need('interval'))),
});

const evidence: Command = {
  name: 'settlement evidence',
  about: 'the history of a position with the proof that the ledger settled it, from blocks that are each proven',
  options: { ...blocks, ...position, out },
  examples: [
    'settlement evidence --genesis genesis.json --url http://127.0.0.1:8080 --account <32 hex digits> --zone MEA-BKK-01 --interval 2026-06-15T03:00:00Z/PT15M --out evidence.json',
  ],
  run: async (context) => {
    const { account, zone, interval } = positionOf(context);
    const { histories, height } = await historiesOf(context);
    const found = histories.evidenceOf(noble, account, zone, interval);
    const entries = histories.historyOf(account, zone, interval);
    const file = context.need('out');
    context.io.files.replace(file, `${JSON.stringify(found)}\n`);
    context.say(`${file}: ${entries.length} entries, as of block ${height}`, { file, height, entries });
  },
};

/** A JSON list of readings, as `settlement.correct` takes them. */
function readingsIn(context: Context): OperationOf<'settlement.correct'>['readings'] {
  const file = context.get('readings');
  if (file === undefined) return [];
  const value = readJson(context, readText(context, file), file);
  if (!Array.isArray(value) || !value.every((one) => isRecord(one))) throw usage(`${file} is no list of readings`);
  return value as unknown as OperationOf<'settlement.correct'>['readings'];
}

const correct: Command = {
  name: 'settlement correct',
  about: 'make the operation that corrects a settled position, with all the evidence it needs; `submit` sends it',
  options: {
    ...blocks,
    ...position,
    readings: {
      value: 'FILE',
      about: 'a JSON list of {"meter", "quality": "actual" or "estimated", "consumedWh", "producedWh"}',
    },
    retariff: { about: 'price the imbalance by the tariff now in force, as after a late decision about the calendar' },
    out,
  },
  examples: [
    'settlement correct --genesis genesis.json --url http://127.0.0.1:8080 --account <32 hex digits> --zone MEA-BKK-01 --interval 2026-06-15T03:00:00Z/PT15M --readings late.json --out correction.json',
    'settlement correct --genesis genesis.json --url http://127.0.0.1:8080 --account <32 hex digits> --zone MEA-BKK-01 --interval 2026-06-15T03:00:00Z/PT15M --retariff --out correction.json',
  ],
  run: async (context) => {
    const [readings, retariff] = [readingsIn(context), context.flag('retariff')];
    if (readings.length === 0 && !retariff) throw usage('give --readings, --retariff or both');
    const named = positionOf(context);
    const { histories, height } = await historiesOf(context);
    const operation = checked({ ...histories.correction(noble, { ...named, readings, retariff }) }, '');
    const file = context.need('out');
    context.io.files.replace(file, `${JSON.stringify(operation)}\n`);
    const count = operation.type === 'settlement.correct' ? operation.evidence.length : 0;
    context.say(`${file}: with ${count} histories, as of block ${height}`, { file, height, histories: count });
  },
};

const statement: Command = {
  name: 'settlement statement',
  about: 'what an account, or a utility, was settled for in a period, from blocks that are each proven',
  options: {
    ...blocks,
    account: position['account'] as Option,
    from: { value: 'TIME', about: 'of the first interval', required: true },
    until: { value: 'TIME', about: 'intervals that start then, or later, do not count', required: true },
    utility: { about: 'the account is that of a grid operator: its charges, feed-in and control accounts' },
    basis: { about: 'with the events that each row stands on' },
    csv: { about: 'rows as CSV instead of JSON' },
    out: { value: 'FILE', about: 'where it goes instead of the screen' },
  },
  examples: [
    'settlement statement --genesis genesis.json --url http://127.0.0.1:8080 --account <32 hex digits> --from 2026-06-01T00:00:00Z --until 2026-07-01T00:00:00Z --basis --csv --out june.csv',
    'settlement statement --genesis genesis.json --url http://127.0.0.1:8080 --account <32 hex digits> --from 2026-06-01T00:00:00Z --until 2026-07-01T00:00:00Z --utility',
  ],
  run: async (context) => {
    const account = accountOf(context);
    const [from, until] = ['from', 'until'].map((name) => parsed(parseTimeText(context.need(name)))) as [
      string,
      string,
    ];
    const { histories, height } = await historiesOf(context);
    const positions = histories.settled();
    const period = { from, until };
    const withBasis = context.flag('basis');
    const told: Statement = context.flag('utility')
      ? utilityStatement(account, period, histories.zones(), positions, withBasis)
      : participantStatement(account, period, positions, withBasis);
    const text = context.flag('csv') ? statementCsv(told) : statementJson(told);
    const file = context.get('out');
    const { version, totals, rows } = told;
    if (file === undefined) context.say(text.trimEnd(), { height, version, totals, rows });
    else {
      context.io.files.replace(file, text);
      const bytes = utf8(text).length;
      context.say(`${file}: version ${version}, ${rows.length} rows, as of block ${height}`, { file, version, bytes });
    }
    return EXIT.ok;
  },
};

export const SETTLEMENT_COMMANDS: readonly Command[] = [evidence, correct, statement];
