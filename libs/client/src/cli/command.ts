import { parseArgs, type ParseArgsConfig } from 'node:util';
import type { Io } from './io.js';

export interface Option {
  /** What stands for the value in the help; absent for a flag. */
  readonly value?: string;
  readonly about: string;
  readonly required?: boolean;
  readonly many?: boolean;
}

export interface Command {
  readonly name: string;
  readonly about: string;
  readonly options: Readonly<Record<string, Option>>;
  readonly examples: readonly string[];
  /** The exit code; 0 when nothing is said. */
  run(context: Context): Promise<number | void>;
}

export const EXIT = { ok: 0, refused: 1, usage: 2 } as const;

/** Anything that ends a command without success: `code` for programs, the rest for people. */
export class CliError extends Error {
  constructor(
    readonly code: string,
    reason: string,
    readonly more: {
      readonly exit?: 1 | 2;
      readonly hint?: string;
      readonly pointer?: string;
      readonly line?: number;
    } = {},
  ) {
    super(reason);
    this.name = 'CliError';
  }
}

export const usage = (reason: string, hint?: string): CliError =>
  new CliError('cli.usage', reason, { exit: EXIT.usage, ...(hint !== undefined && { hint }) });

/** What a command works with: its options, and one way to answer people and programs. */
export class Context {
  constructor(
    readonly io: Io,
    readonly json: boolean,
    private readonly values: Readonly<Record<string, unknown>>,
  ) {}

  get(name: string): string | undefined {
    const value = this.values[name];
    return typeof value === 'string' ? value : undefined;
  }

  need(name: string): string {
    const value = this.get(name);
    if (value === undefined) throw usage(`--${name} is missing`);
    return value;
  }

  all(name: string): readonly string[] {
    const value = this.values[name];
    return Array.isArray(value) ? value.map(String) : [];
  }

  flag(name: string): boolean {
    return this.values[name] === true;
  }

  /** The answer: one JSON object on one line with `--json`, else text. */
  say(text: string, machine: Readonly<Record<string, unknown>>): void {
    this.io.out(this.json ? `${JSON.stringify(machine)}\n` : `${text}\n`);
  }

  /** Beside the answer, never part of it. */
  note(text: string): void {
    this.io.error(`${text}\n`);
  }
}

const COMMON: Readonly<Record<string, Option>> = {
  json: { about: 'answer with one JSON object' },
  help: { about: 'show this help' },
};

/** Options of a command from its arguments. Throws a usage error that names what is wrong. */
export function parseOptions(command: Command, args: readonly string[]): Readonly<Record<string, unknown>> {
  const options: ParseArgsConfig['options'] = {};
  for (const [name, option] of Object.entries({ ...command.options, ...COMMON }))
    options[name] = { type: option.value === undefined ? 'boolean' : 'string', multiple: option.many === true };
  let values: Readonly<Record<string, unknown>>;
  try {
    ({ values } = parseArgs({ args: [...args], options, strict: true, allowPositionals: false }));
  } catch (error) {
    throw usage(error instanceof Error ? error.message : String(error), `gridtokenx ${command.name} --help`);
  }
  if (values['help'] === true) return values;
  for (const [name, option] of Object.entries(command.options))
    if (option.required === true && values[name] === undefined)
      throw usage(`--${name} ${option.value ?? ''} is missing`.replace('  ', ' '), `gridtokenx ${command.name} --help`);
  return values;
}

export function helpOf(command: Command): string {
  const rows = Object.entries({ ...command.options, ...COMMON }).map(
    ([name, { value, about, required }]): [string, string] => [
      `  --${name}${value === undefined ? '' : ` ${value}`}`,
      `${about}${required === true ? ' (required)' : ''}`,
    ],
  );
  const width = Math.max(...rows.map(([left]) => left.length)) + 2;
  return [
    `gridtokenx ${command.name}: ${command.about}`,
    '',
    'Options:',
    ...rows.map(([left, right]) => left.padEnd(width) + right),
    '',
    'Examples:',
    ...command.examples.map((example) => `  gridtokenx ${example}`),
    '',
  ].join('\n');
}
