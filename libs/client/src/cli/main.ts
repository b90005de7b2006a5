import { EnvelopeError, GenesisError } from '@gridtokenx/protocol';
import { JsonError } from '@gridtokenx/kernel';
import { GridProblem, type ProblemEntry } from '../problem.js';
import { LightBlockJsonError } from '../light-block-json.js';
import { LightClientError } from '../light-client.js';
import { ProofJsonError } from '../proof-json.js';
import { TrustFileError } from '../trust-file.js';
import { verifyAggregates, verifyAnchor } from './anchored.js';
import { anchorCommand } from './anchor.js';
import { batch } from './batch.js';
import { verifyClearing } from './clearing.js';
import { CliError, Context, EXIT, helpOf, parseOptions, usage, type Command } from './command.js';
import { GENESIS_COMMANDS } from './genesis.js';
import { nodeIo, type Io } from './io.js';
import { keyNew, keyShow } from './keys.js';
import { MARKET_READS } from './market-reads.js';
import { PUBLIC_READS } from './public-reads.js';
import { PUBLIC_COMMANDS } from './public.js';
import { balances, follow, health, proofGet, validatorsChanges, validatorsList } from './reads.js';
import { orderCancel, orderPlace, orderReplace, sign, submit } from './submit.js';
import { readingsCheck, readingsUpload } from './readings.js';
import { SETTLEMENT_COMMANDS } from './settlement.js';
import { TARIFF_COMMANDS } from './tariff.js';
import { trustUpdate } from './trust.js';
import { VALIDATORS_COMMANDS } from './validators.js';
import { verifyBlock, verifyCertificateCommand, verifyProof } from './verify.js';

export { nodeIo, type Io } from './io.js';

export const COMMANDS: readonly Command[] = [
  keyNew,
  keyShow,
  sign,
  submit,
  orderPlace,
  orderCancel,
  orderReplace,
  batch,
  readingsCheck,
  readingsUpload,
  follow,
  proofGet,
  verifyProof,
  verifyCertificateCommand,
  verifyBlock,
  trustUpdate,
  anchorCommand,
  verifyAnchor,
  verifyAggregates,
  verifyClearing,
  balances,
  validatorsList,
  validatorsChanges,
  ...PUBLIC_COMMANDS,
  ...MARKET_READS,
  ...PUBLIC_READS,
  ...VALIDATORS_COMMANDS,
  ...GENESIS_COMMANDS,
  ...SETTLEMENT_COMMANDS,
  ...TARIFF_COMMANDS,
  health,
];

function overview(): string {
  const width = Math.max(...COMMANDS.map(({ name }) => name.length)) + 2;
  return [
    'gridtokenx: keys, signing, sending and checking for GridTokenX Ledger',
    '',
    ...COMMANDS.map(({ name, about }) => `  gridtokenx ${name.padEnd(width)}${about}`),
    `  gridtokenx ${'node'.padEnd(width)}replay, roll back, reset signers: on the host of a node, see gridtokenx node --help`,
    '',
    'gridtokenx <command> --help shows options and examples. --json answers with one JSON object.',
    'Exit codes: 0 done, 1 refused or a fault found, 2 wrong use.',
    '',
  ].join('\n');
}

interface Failure {
  readonly code: string;
  readonly message: string;
  readonly hint?: string | undefined;
  readonly pointer?: string | undefined;
  readonly line?: number | undefined;
  readonly status?: number | undefined;
  readonly errors?: readonly ProblemEntry[] | undefined;
  readonly exit: 1 | 2;
}

function failureOf(error: unknown): Failure {
  if (error instanceof CliError)
    return { code: error.code, message: error.message, ...error.more, exit: error.more.exit ?? 1 };
  if (error instanceof GridProblem) {
    const { code, detail, pointer, line, status, errors } = error;
    return { code, message: detail, pointer, line, status, errors, exit: 1 };
  }
  if (error instanceof EnvelopeError)
    return { code: error.code, message: error.reason, pointer: error.pointer, exit: 1 };
  if (error instanceof GenesisError) return { code: error.code, message: error.message, exit: 1 };
  if (error instanceof LightClientError || error instanceof TrustFileError)
    return { code: error.code, message: error.message, exit: 1 };
  if (error instanceof ProofJsonError || error instanceof LightBlockJsonError || error instanceof JsonError)
    return { code: error.code, message: error.message, pointer: error.pointer, exit: 1 };
  // A full disk, a folder that is not there: the system's own code says it best.
  if (error instanceof Error && 'code' in error && typeof error.code === 'string')
    return { code: error.code, message: error.message.replace(`${error.code}: `, ''), exit: 1 };
  throw error;
}

function sayFailure(io: Io, json: boolean, failure: Failure): number {
  const { exit, ...error } = failure;
  if (json) io.error(`${JSON.stringify({ error })}\n`);
  else {
    const { code, message, pointer, line, hint, errors = [] } = error;
    const place = `${line === undefined ? '' : ` line ${line}`}${pointer === undefined || pointer === '' ? '' : ` at ${pointer}`}`;
    io.error(`${code}${place}${message === '' ? '' : `: ${message}`}\n`);
    for (const one of errors.slice(errors.length > 1 ? 0 : 1))
      io.error(
        `  ${one.code}${one.line === undefined ? '' : ` line ${one.line}`} ${one.pointer ?? ''} ${one.detail ?? ''}\n`,
      );
    if (hint !== undefined) io.error(`  ${hint}\n`);
  }
  return exit;
}

function commandOf(argv: readonly string[]): { readonly command: Command; readonly args: readonly string[] } {
  const [first = '', second = ''] = argv;
  const two = COMMANDS.find(({ name }) => name === `${first} ${second}`);
  if (two !== undefined) return { command: two, args: argv.slice(2) };
  const one = COMMANDS.find(({ name }) => name === first);
  if (one !== undefined) return { command: one, args: argv.slice(1) };
  const group = COMMANDS.filter(({ name }) => name.startsWith(`${first} `)).map(({ name }) => name);
  if (group.length > 0) throw usage(`gridtokenx ${first} what?`, group.join(', '));
  throw usage(`there is no command '${first}'`, 'gridtokenx --help');
}

/** Runs one command and resolves with its exit code; the only thing that throws is a bug of ours. */
export async function main(argv: readonly string[], io: Io = nodeIo): Promise<number> {
  const json = argv.includes('--json');
  if (argv.length === 0 || argv[0] === '--help' || argv[0] === 'help') {
    (argv.length === 0 ? io.error : io.out)(overview());
    return argv.length === 0 ? EXIT.usage : EXIT.ok;
  }
  try {
    const { command, args } = commandOf(argv);
    const values = parseOptions(command, args);
    if (values['help'] === true) {
      io.out(helpOf(command));
      return EXIT.ok;
    }
    return (await command.run(new Context(io, json, values))) ?? EXIT.ok;
  } catch (error) {
    return sayFailure(io, json, failureOf(error));
  }
}
