export type ConfigErrorCode =
  'config.missing' | 'config.invalid' | 'config.unknownFlag' | 'config.openReads' | 'config.otherLedger';

/** A process that is not configured as it must be does not start. */
export class ConfigError extends Error {
  constructor(
    readonly code: ConfigErrorCode,
    message: string,
  ) {
    super(`${code}: ${message}`);
    this.name = 'ConfigError';
  }
}

export interface ConfigOption<T> {
  readonly env: string;
  /** Without the leading dashes; a flag wins over the environment. */
  readonly flag: string;
  readonly help: string;
  /** Throws a plain Error that says what is wrong with the text. */
  readonly parse: (text: string) => T;
  readonly fallback?: T;
}

type ConfigSpec = Readonly<Record<string, ConfigOption<unknown>>>;
type ConfigOf<S extends ConfigSpec> = { readonly [K in keyof S]: S[K] extends ConfigOption<infer T> ? T : never };

export interface ConfigSources {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** Reads `--flag value`, `--flag=value` and the environment; what the spec does not know is refused, not ignored. */
export function readConfig<S extends ConfigSpec>(spec: S, { argv, env }: ConfigSources): ConfigOf<S> {
  const flags = readFlags(argv, new Set(Object.values(spec).map(({ flag }) => flag)));
  const config = Object.entries(spec).map(([key, option]): [string, unknown] => {
    const text = flags.get(option.flag) ?? (env[option.env] === '' ? undefined : env[option.env]);
    if (text !== undefined) return [key, parsed(option, text)];
    if (!('fallback' in option))
      throw new ConfigError('config.missing', `set ${option.env} or --${option.flag}: ${option.help}`);
    return [key, option.fallback];
  });
  return Object.fromEntries(config) as ConfigOf<S>;
}

function readFlags(argv: readonly string[], known: ReadonlySet<string>): Map<string, string> {
  const flags = new Map<string, string>();
  for (let i = 0; i < argv.length; i++) {
    const [name, inline] = splitOnce((argv[i] ?? '').replace(/^--/, ''));
    if (!(argv[i] ?? '').startsWith('--') || !known.has(name))
      throw new ConfigError(
        'config.unknownFlag',
        `'${argv[i] ?? ''}' is none of ${[...known].map((k) => `--${k}`).join(' ')}`,
      );
    const value = inline ?? argv[++i];
    if (value === undefined) throw new ConfigError('config.invalid', `--${name} needs a value`);
    flags.set(name, value);
  }
  return flags;
}

function splitOnce(text: string): [string, string | undefined] {
  const at = text.indexOf('=');
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
}

function parsed(option: ConfigOption<unknown>, text: string): unknown {
  try {
    return option.parse(text);
  } catch (error) {
    // The value itself is not repeated: it may be a password.
    const reason = error instanceof Error ? error.message : 'not acceptable';
    throw new ConfigError('config.invalid', `${option.env} or --${option.flag}: ${reason}`);
  }
}

export const anyText = (text: string): string => text;

export const integerBetween =
  (least: number, most: number) =>
  (text: string): number => {
    const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
    if (!(value >= least && value <= most)) throw new Error(`a whole number from ${least} to ${most} is needed`);
    return value;
  };

export const oneOf =
  <const T extends string>(...choices: readonly T[]) =>
  (text: string): T => {
    const choice = choices.find((one) => one === text);
    if (choice === undefined) throw new Error(`one of ${choices.join(', ')} is needed`);
    return choice;
  };

export const listOf = (text: string): readonly string[] =>
  text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
