import { fromUtf8, parseStrictJson, JsonError } from '@gridtokenx/kernel';
import { genesisAnchor, type GenesisAnchor } from '../anchor.js';
import { GridClient } from '../client.js';
import { KeyFileError, Keypair } from '../keypair.js';
import { isRecord } from '../problem.js';
import { Signer } from '../signing.js';
import type { OperationView } from '../views.js';
import { CliError, EXIT, usage, type Context, type Option } from './command.js';

export const urlOption: Option = { value: 'URL', about: 'the gateway, such as http://127.0.0.1:8080' };
export const keyOption: Option = { value: 'FILE', about: 'key file, made by `key new`' };
export const genesisOption: Option = { value: 'FILE', about: "your copy of the ledger's genesis file" };
export const signOptions: Readonly<Record<string, Option>> = {
  key: keyOption,
  genesis: genesisOption,
  ledger: { value: 'ID', about: 'ledger id, instead of --genesis' },
  sequence: { value: 'N|auto', about: 'of the key; auto (default) goes on from the highest used one' },
  'valid-for': { value: 'TIME', about: 'how long the ledger may execute it: 90s, 10m (default), 59m at most' },
};

/** Asks for the ledger of the user's genesis or `--ledger`, else for the consortium. */
export const clientOf = (context: Context): GridClient => {
  const url = context.need('url');
  if (!/^https?:\/\/[^/]+/.test(url)) throw usage(`'${url}' is no http(s) URL`);
  const ledgerId = context.get('genesis') === undefined ? context.get('ledger') : anchorOf(context).ledgerId;
  return new GridClient({
    url,
    platform: context.io.platform,
    ...(ledgerId !== undefined && { identity: { ledgerId } }),
  });
};

export function readBytes(context: Context, path: string): Uint8Array {
  try {
    return context.io.files.read(path);
  } catch (error) {
    throw new CliError('file.unreadable', error instanceof Error ? error.message : `cannot read ${path}`, { exit: 2 });
  }
}

export function readText(context: Context, path: string): string {
  const text = fromUtf8(readBytes(context, path));
  if (text === undefined) throw new CliError('file.notUtf8', `${path} is not UTF-8`);
  return text;
}

export function readJson(context: Context, text: string, from: string): unknown {
  try {
    return parseStrictJson(text);
  } catch (error) {
    if (!(error instanceof JsonError)) throw error;
    throw new CliError(error.code, `${from}: ${error.message}`, { exit: 2, pointer: error.pointer });
  }
}

export function anchorOf(context: Context): GenesisAnchor {
  return genesisAnchor(readBytes(context, context.need('genesis')));
}

const OTHERS_MAY = 0o077;

export function keypairOf(context: Context, option = 'key'): Keypair {
  const path = context.need(option);
  const text = readText(context, path);
  if (((context.io.files.mode(path) ?? 0) & OTHERS_MAY) !== 0)
    throw new CliError('key.permissions', `others may read ${path}`, { hint: `chmod 600 ${path}` });
  try {
    return Keypair.fromFile(text);
  } catch (error) {
    if (error instanceof KeyFileError) throw new CliError(error.code, error.message);
    throw error;
  }
}

const UNITS_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

export function durationOf(text: string, name: string): number {
  const [, count = '', unit = ''] = /^(\d{1,9})(ms|s|m|h)$/.exec(text) ?? [];
  const factor = UNITS_MS[unit];
  if (factor === undefined) throw usage(`--${name} ${text} is not a time`, 'such as 500ms, 30s, 10m');
  return Number(count) * factor;
}

/** The ledger that is signed for. Without the user's word it is the gateway's, and the user is told so. */
export async function ledgerOf(context: Context): Promise<string> {
  if (context.get('genesis') !== undefined) return anchorOf(context).ledgerId;
  const given = context.get('ledger');
  if (given !== undefined) return given;
  if (context.get('url') === undefined) throw usage('--genesis or --ledger is missing');
  const { ledgerId } = await clientOf(context).health();
  if (typeof ledgerId !== 'string') throw new CliError('client.badAnswer', 'the gateway does not name its ledger');
  context.note(
    `signing for ${ledgerId}, as the gateway names it; give --genesis to sign for a ledger of your own choice only`,
  );
  return ledgerId;
}

export const sequencesFile = (keyFile: string): string => `${keyFile}.sequences`;

/**
 * Sequences used so far stand beside the key, so that two commands in a row do not use the same one while the first is
 * still under way to its block.
 */
function sequencesOf(context: Context): Record<string, number> {
  const path = sequencesFile(context.need('key'));
  if (!context.io.files.exists(path)) return {};
  const value = readJson(context, readText(context, path), path);
  const next = isRecord(value) ? value['next'] : undefined;
  if (!isRecord(next)) throw new CliError('key.sequences', `${path} is not a file of sequences`, { hint: 'remove it' });
  return Object.fromEntries(
    Object.entries(next).filter((entry): entry is [string, number] => typeof entry[1] === 'number'),
  );
}

/** A signer that goes on where the key stands: by the gateway, when asked, and by what this machine has signed. */
export async function signerOf(context: Context): Promise<Signer> {
  const keypair = keypairOf(context);
  const ledgerId = await ledgerOf(context);
  const given = context.get('sequence') ?? 'auto';
  const { platform } = context.io;
  if (given !== 'auto') {
    const sequence = /^[1-9]\d{0,15}$/.test(given) ? Number(given) : Number.NaN;
    if (!Number.isSafeInteger(sequence)) throw usage(`--sequence ${given} is not auto or a number from 1 to 2^53-1`);
    return new Signer(keypair, ledgerId, { platform, nextSequence: sequence });
  }
  const signer = new Signer(keypair, ledgerId, { platform, nextSequence: sequencesOf(context)[ledgerId] ?? 1 });
  if (context.get('url') !== undefined) signer.skipTo(await clientOf(context).nextSequence(keypair.kid));
  return signer;
}

export function rememberSequence(context: Context, signer: Signer): void {
  const next = sequencesOf(context);
  next[signer.ledgerId] = Math.max(next[signer.ledgerId] ?? 1, signer.nextSequence);
  context.io.files.replace(sequencesFile(context.need('key')), `${JSON.stringify({ version: 1, next })}\n`, 0o600);
}

export const validForMs = (context: Context): { validForMs?: number } => {
  const text = context.get('valid-for');
  if (text === undefined) return {};
  const ms = durationOf(text, 'valid-for');
  if (ms > 59 * UNITS_MS_MINUTE)
    throw usage('--valid-for is 59m at most', 'the ledger takes at most an hour after block time');
  return { validForMs: ms };
};

const UNITS_MS_MINUTE = 60_000;

/** A fault is an answer too: on stdout for programs, and on stderr with its code for people. */
export function refuse(
  context: Context,
  code: string,
  about: string,
  more: Readonly<Record<string, unknown>> = {},
): number {
  if (context.json) context.say('', { valid: false, code, ...more });
  context.note(`${code}: ${about}`);
  return EXIT.refused;
}

/** How an operation ended, for people. */
export function describeOutcome(view: OperationView): string {
  const lines = [`${view.id}: ${view.status}${view.code === undefined ? '' : ` (${view.code})`}`];
  if (view.height !== undefined) lines.push(`  in block ${view.height}`);
  if (view.outcome?.status === 'executed')
    for (const event of view.outcome.events) lines.push(`  ${JSON.stringify(event)}`);
  else if (view.outcome?.detail !== undefined)
    for (const [name, value] of Object.entries(view.outcome.detail)) lines.push(`  ${name}: ${value}`);
  return lines.join('\n');
}

export const isExecuted = (view: OperationView): boolean => view.status === 'executed';
