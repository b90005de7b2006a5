import { join } from 'node:path';
import { parseArgs, type ParseArgsConfig } from 'node:util';
import { native } from '@gridtokenx/crypto-native';
import { openSignerFiles, openSnapshotFiles, readKeyFolder } from '@gridtokenx/keystore';
import { openBus, readGenesisFile, type Bus } from '@gridtokenx/process';
import type { LedgerIdentity } from '@gridtokenx/protocol';
import {
  genesisStart,
  newestSnapshot,
  replayBlocks,
  resetSigners,
  SignerResetError,
  type Log,
  type SnapshotStart,
} from '@gridtokenx/runtime';
import { writeDivergence } from '../divergence-file.js';

/** Commands of an operator on the host of a node, which must not run meanwhile. */

const BUS = {
  genesis: { type: 'string' },
  bus: { type: 'string', default: 'embedded' },
  brokers: { type: 'string' },
  'database-url': { type: 'string' },
} as const satisfies ParseArgsConfig['options'];

const COMMON = { json: { type: 'boolean', default: false }, help: { type: 'boolean', default: false } } as const;

interface Command {
  readonly about: string;
  readonly usage: string;
  readonly options: NonNullable<ParseArgsConfig['options']>;
  run(values: Values): Promise<{ readonly exit: 0 | 1; readonly answer: object; readonly text: string }>;
}

type Values = Readonly<Record<string, string | boolean | undefined>>;

/** Wrong use of a command: it says what is missing, and exits with 2. */
class UsageError extends Error {}

function textOf(values: Values, name: string): string {
  const value = values[name];
  if (typeof value !== 'string' || value === '') throw new UsageError(`--${name} is missing`);
  return value;
}

function heightOf(values: Values, name: string): number {
  const height = Number(textOf(values, name));
  if (!Number.isSafeInteger(height) || height < 0) throw new UsageError(`--${name} takes a height`);
  return height;
}

const identityOf = async (values: Values): Promise<LedgerIdentity> =>
  (await readGenesisFile(textOf(values, 'genesis'))).identity;

function busIn(values: Values): Bus {
  if (values['bus'] === 'kafka') return { kind: 'kafka', brokers: textOf(values, 'brokers').split(',') };
  if (values['bus'] !== 'embedded') throw new UsageError('--bus is embedded or kafka');
  return { kind: 'embedded', databaseUrl: textOf(values, 'database-url') };
}

async function withBus<T>(values: Values, use: (log: Log) => Promise<T>): Promise<T> {
  const log = openBus(busIn(values), 'gridtokenx-node');
  try {
    return await use(log);
  } finally {
    await log.close();
  }
}

const snapshotsOf = (values: Values): ReturnType<typeof openSnapshotFiles> =>
  openSnapshotFiles(join(textOf(values, 'state'), 'snapshots'));

async function startOf(values: Values, identity: LedgerIdentity): Promise<SnapshotStart> {
  const genesis = genesisStart(native, identity);
  if (values['from'] === 'genesis') return genesis;
  if (values['from'] !== 'snapshot') throw new UsageError('--from is genesis or snapshot');
  const store = await snapshotsOf(values);
  const onRefused = (height: number, reason: string): void =>
    void process.stderr.write(`the snapshot of ${height} is passed over: ${reason}\n`);
  return (await newestSnapshot({ crypto: native, identity, store, onRefused })) ?? genesis;
}

export const COMMANDS: Readonly<Record<string, Command>> = {
  replay: {
    about: 'runs certified blocks again and compares every digest',
    usage:
      '--genesis FILE --bus embedded|kafka (--database-url URL | --brokers HOST:PORT,…) [--from genesis|snapshot] [--state FOLDER] [--to HEIGHT]',
    options: {
      ...BUS,
      state: { type: 'string' },
      from: { type: 'string', default: 'genesis' },
      to: { type: 'string' },
    },
    async run(values) {
      const identity = await identityOf(values);
      const start = await startOf(values, identity);
      const to = values['to'] === undefined ? {} : { to: heightOf(values, 'to') };
      const replay = await withBus(values, (log) => replayBlocks({ crypto: native, identity, log, start, ...to }));
      const { from, height, stateDigest, divergence } = replay;
      if (divergence === undefined)
        return {
          exit: 0,
          answer: replay,
          text: `blocks ${from + 1} to ${height} come to what was certified; state ${stateDigest}`,
        };
      const file =
        values['state'] === undefined ? undefined : await writeDivergence(textOf(values, 'state'), divergence);
      const { outcome } = divergence;
      return {
        exit: 1,
        answer: { ...replay, file },
        text: [
          `block ${divergence.height} is the first that differs here: ${divergence.differs.join(', ')}`,
          ...(outcome === undefined
            ? []
            : [`outcome ${outcome.index}`, `  certified ${outcome.certified}`, `  computed  ${outcome.computed}`]),
          `${divergence.changes.length} rows changed${file === undefined ? '' : `; all of them in ${file}`}`,
          ...divergence.recover,
        ].join('\n'),
      };
    },
  },
  rollback: {
    about: 'drops the snapshots above a height, so that the next start runs the blocks from below it',
    usage: '--state FOLDER --to HEIGHT',
    options: { state: { type: 'string' }, to: { type: 'string' } },
    async run(values) {
      const to = heightOf(values, 'to');
      const store = await snapshotsOf(values);
      const dropped = (await store.heights()).filter((height) => height > to);
      for (const height of dropped) await store.drop(height);
      const kept = await store.heights();
      const begins = kept[0] === undefined ? 'the genesis' : `the snapshot of ${kept[0]}`;
      return {
        exit: 0,
        answer: { dropped, kept },
        text: `dropped ${dropped.join(', ') || 'none'}; the next start begins at ${begins} and runs the blocks after it`,
      };
    },
  },
  'signer-reset': {
    about: 'makes lost signer records anew from the bus, when too many are lost for a rejoin',
    usage: '--signer FOLDER --keys FOLDER --genesis FILE --bus … --all-operators-agreed',
    options: {
      ...BUS,
      signer: { type: 'string' },
      keys: { type: 'string' },
      'all-operators-agreed': { type: 'boolean', default: false },
    },
    async run(values) {
      if (values['all-operators-agreed'] !== true) throw new UsageError(SIGNER_RESET_FIRST);
      const identity = await identityOf(values);
      const slots = await openSignerFiles(textOf(values, 'signer'));
      const seeds = (await readKeyFolder(native, textOf(values, 'keys'))).map(({ seed }) => seed);
      try {
        const done = await withBus(values, (log) => resetSigners({ crypto: native, identity, log, slots, seeds }));
        const lines = done.map(
          ({ kid, did, height, round }) => `${kid} ${did}: signed up to height ${height}, round ${round}`,
        );
        return { exit: 0, answer: { validators: done }, text: lines.join('\n') };
      } catch (error) {
        if (!(error instanceof SignerResetError)) throw error;
        return {
          exit: 1,
          answer: { error: { code: error.code, message: error.message } },
          text: `${error.code}: ${error.message}. Nothing was changed. ${SIGNER_RESET_ELSE}`,
        };
      }
    },
  },
};

const SIGNER_RESET_FIRST = `A validator whose signer record is lost comes back by itself: it asks to rejoin, and votes again once
a certified block holds its request. Only when so many records are lost that no quorum is left to certify that, and only when
the operators of all validators agree on the last certified block and have stopped their nodes, is this command the way. It
reads what each validator published at the open height and writes records that bind it to that. If the consensus topic is
not whole, two blocks could be certified at one height. Read docs/operations/signer-records.md, then say --all-operators-agreed`;
const SIGNER_RESET_ELSE =
  'Ask the operators of the other validators for the missing messages: see docs/operations/signer-records.md';

const overview = (): string =>
  [
    'gridtokenx node: commands for the host of a node, which must not run meanwhile',
    '',
    ...Object.entries(COMMANDS).map(([name, { about, usage }]) => `  gridtokenx node ${name}: ${about}\n    ${usage}`),
    '',
    '--json answers with one JSON object. Exit codes: 0 done, 1 a difference or a refusal, 2 wrong use.',
    '',
  ].join('\n');

/** Runs one command; resolves with its exit code. */
export async function main(argv: readonly string[]): Promise<number> {
  const [name = '', ...args] = argv;
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (command === undefined) {
    const asked = name === '--help' || name === 'help';
    (asked ? process.stdout : process.stderr).write(overview());
    return asked ? 0 : 2;
  }
  const json = args.includes('--json');
  try {
    const { values } = parseArgs({ args, options: { ...command.options, ...COMMON } });
    if (values['help'] === true) {
      process.stdout.write(`gridtokenx node ${name}: ${command.about}\n  ${command.usage}\n`);
      return 0;
    }
    const { exit, answer, text } = await command.run(values as Values);
    process.stdout.write(json ? `${JSON.stringify(answer)}\n` : `${text}\n`);
    return exit;
  } catch (error) {
    const isUsage =
      error instanceof UsageError || (error as { code?: unknown }).code?.toString().startsWith('ERR_PARSE_ARGS');
    const message = error instanceof Error ? error.message : String(error);
    const code = isUsage === true ? 'usage' : 'node.failed';
    process.stderr.write(json ? `${JSON.stringify({ error: { code, message } })}\n` : `${message}\n`);
    return isUsage === true ? 2 : 1;
  }
}
