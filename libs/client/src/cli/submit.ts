import type { Operation } from '@gridtokenx/protocol';
import type { SignedEnvelope } from '../signing.js';
import { EXIT, CliError, usage, type Command, type Context, type Option } from './command.js';
import { checkOperation, parseIntervalText, parseKwh, parsePrice, parseTimeText, type Parsed } from './notation.js';
import {
  clientOf,
  describeOutcome,
  durationOf,
  isExecuted,
  readJson,
  readText,
  rememberSequence,
  signerOf,
  signOptions,
  urlOption,
  validForMs,
} from './shared.js';

const operationOptions: Readonly<Record<string, Option>> = {
  operation: { value: 'JSON', about: 'one operation' },
  operations: { value: 'FILE', about: 'a JSON list of operations, or one' },
  atomic: { about: 'all operations of the envelope or none' },
};
const waitOptions: Readonly<Record<string, Option>> = {
  wait: { about: 'wait until it is decided' },
  timeout: { value: 'TIME', about: 'how long to wait: 30s by default' },
};

function operationsOf(context: Context): Operation[] {
  const text = context.get('operation');
  const file = context.get('operations');
  if ((text === undefined) === (file === undefined)) throw usage('give either --operation or --operations');
  const value =
    text === undefined
      ? readJson(context, readText(context, file ?? ''), file ?? '')
      : readJson(context, text, '--operation');
  const list: readonly unknown[] = Array.isArray(value) ? value : [value];
  return list.map((one, i) => checked(one, Array.isArray(value) ? `/${i}` : ''));
}

/** The operation that a value is; a usage error with the pointer of the fault. */
export function checked(value: unknown, at: string): Operation {
  const result = checkOperation(value);
  if ('operation' in result) return result.operation;
  const [fault] = result.faults;
  throw new CliError(fault?.code ?? 'envelope.schema', fault?.reason ?? 'not an operation', {
    exit: EXIT.usage,
    pointer: at + (fault?.pointer ?? ''),
    ...(fault?.hint !== undefined && { hint: fault.hint }),
  });
}

export async function signed(
  context: Context,
  operations: readonly Operation[],
  atomic = context.flag('atomic'),
): Promise<SignedEnvelope> {
  const signer = await signerOf(context);
  const envelope = signer.sign(operations, { ...validForMs(context), atomic });
  rememberSequence(context, signer);
  return envelope;
}

/** Sends, says the ids, and with --wait what became of them. */
export async function send(context: Context, envelope: SignedEnvelope | string): Promise<number> {
  const client = clientOf(context);
  const { operations } = await client.submit(envelope);
  const ids = operations.map(({ id }) => id);
  const sequence = typeof envelope === 'string' ? {} : { sequence: envelope.sequence };
  if (typeof envelope !== 'string' && ids.join() !== envelope.operationIds.join())
    throw new CliError('client.badAnswer', 'the gateway names other operation ids than the envelope has');
  if (!context.flag('wait')) {
    context.say(ids.map((id) => `accepted ${id}`).join('\n'), { accepted: true, ...sequence, operationIds: ids });
    return EXIT.ok;
  }
  const timeoutMs = durationOf(context.get('timeout') ?? '30s', 'timeout');
  const views = [];
  for (const id of ids) views.push(await client.follow(id, { timeoutMs }));
  context.say(views.map(describeOutcome).join('\n'), {
    accepted: true,
    ...sequence,
    operationIds: ids,
    operations: views,
  });
  return views.every(isExecuted) ? EXIT.ok : EXIT.refused;
}

export const sign: Command = {
  name: 'sign',
  about: 'sign operations into an envelope, without sending it',
  options: {
    ...signOptions,
    ...operationOptions,
    url: { ...urlOption, about: 'where --sequence auto asks for the key' },
  },
  examples: [
    `sign --key office.key --genesis genesis.json --sequence 7 --operation '{"type":"market.cancelOrder","order":"<64 hex digits>"}'`,
    'sign --key office.key --genesis genesis.json --operations operations.json --atomic --json',
  ],
  run: async (context) => {
    const envelope = await signed(context, operationsOf(context));
    const { jws, operationIds, ledgerId, kid, sequence, validUntil } = envelope;
    context.say([jws, ...operationIds].join('\n'), { jws, operationIds, ledgerId, kid, sequence, validUntil });
  },
};

export const submit: Command = {
  name: 'submit',
  about: 'send an envelope, or sign and send',
  options: {
    url: { ...urlOption, required: true },
    envelope: { value: 'FILE', about: 'an envelope that `sign` printed (its first line)' },
    ...signOptions,
    ...operationOptions,
    ...waitOptions,
  },
  examples: [
    'submit --url http://127.0.0.1:8080 --envelope envelope.jws',
    'submit --url http://127.0.0.1:8080 --key office.key --genesis genesis.json --operations operations.json --wait',
  ],
  run: async (context) => {
    const file = context.get('envelope');
    if (file === undefined) return send(context, await signed(context, operationsOf(context)));
    if (context.get('operation') !== undefined || context.get('operations') !== undefined)
      throw usage('give either --envelope or operations to sign');
    return send(context, envelopeIn(context, readText(context, file)));
  },
};

/** What `sign` printed, also with `--json`. */
function envelopeIn(context: Context, text: string): string {
  const plain = text.trim();
  if (!plain.startsWith('{')) return plain.split('\n')[0]?.trim() ?? '';
  const value = readJson(context, plain, '--envelope');
  const jws: unknown = typeof value === 'object' && value !== null && 'jws' in value ? value.jws : undefined;
  if (typeof jws !== 'string') throw usage('the file holds no envelope');
  return jws;
}

/** The option, as people write it. */
export function read<T>(context: Context, name: string, parse: (text: string) => Parsed<T>): T {
  const result = parse(context.need(name));
  if ('value' in result) return result.value;
  const { code, reason, hint } = result.fault;
  throw new CliError(code, `--${name}: ${reason}`, { exit: EXIT.usage, ...(hint !== undefined && { hint }) });
}

const orderOption: Option = {
  value: 'ID',
  about: 'of the order: the id of the operation that placed it',
  required: true,
};
const priceOption: Option = { value: 'THB', about: 'limit price in THB/kWh, such as 4.50', required: true };
const kwhOption: Option = { value: 'KWH', about: 'energy in kWh, at least 0.1', required: true };
export const sendOptions: Readonly<Record<string, Option>> = {
  url: { ...urlOption, required: true },
  ...signOptions,
  ...waitOptions,
};

export const orderPlace: Command = {
  name: 'order place',
  about: 'place an order',
  options: {
    account: { value: 'ID', about: 'for whom: 32 hex digits', required: true },
    side: { value: 'bid|ask', about: 'buy or sell', required: true },
    zone: { value: 'ZONE', about: 'of the book' },
    'from-zone': { value: 'ZONE', about: 'where the energy comes from, when not --zone' },
    'to-zone': { value: 'ZONE', about: 'where it is delivered, when not --zone' },
    interval: { value: 'TIME', about: 'delivery interval in UTC: 2026-06-15T03:00:00Z/PT15M', required: true },
    price: priceOption,
    kwh: kwhOption,
    tif: { value: 'GTC|IOC|FOK', about: 'good till cancelled (default), immediate or cancel, fill or kill' },
    'expires-at': { value: 'TIME', about: 'market time from which it no longer stands' },
    ...sendOptions,
  },
  examples: [
    'order place --url http://127.0.0.1:8080 --key office.key --genesis genesis.json --account 0123456789abcdef0123456789abcdef --side bid --zone MEA-BKK-01 --interval 2026-06-15T03:00:00Z/PT15M --price 4.50 --kwh 1000 --wait',
  ],
  run: async (context) => {
    const zone = context.get('zone');
    const operation = checked(
      {
        type: 'market.placeOrder',
        account: context.need('account'),
        side: context.need('side'),
        fromZone: context.get('from-zone') ?? zone ?? context.need('zone'),
        toZone: context.get('to-zone') ?? zone ?? context.need('zone'),
        interval: read(context, 'interval', parseIntervalText),
        priceTicks: read(context, 'price', parsePrice),
        quantityWh: read(context, 'kwh', parseKwh),
        timeInForce: context.get('tif') ?? 'GTC',
        ...(context.get('expires-at') !== undefined && { expiresAt: read(context, 'expires-at', parseTimeText) }),
      },
      '',
    );
    return send(context, await signed(context, [operation]));
  },
};

export const orderCancel: Command = {
  name: 'order cancel',
  about: 'cancel an order',
  options: { order: orderOption, ...sendOptions },
  examples: [
    'order cancel --url http://127.0.0.1:8080 --key office.key --genesis genesis.json --order <64 hex digits>',
  ],
  run: async (context) => {
    const operation = checked({ type: 'market.cancelOrder', order: context.need('order') }, '');
    return send(context, await signed(context, [operation]));
  },
};

export const orderReplace: Command = {
  name: 'order replace',
  about: 'cancel the rest of an order and place a new one in its stead, both or neither',
  options: { order: orderOption, price: priceOption, kwh: kwhOption, ...sendOptions },
  examples: [
    'order replace --url http://127.0.0.1:8080 --key office.key --genesis genesis.json --order <64 hex digits> --price 4.40 --kwh 500',
  ],
  run: async (context) => {
    const operation = checked(
      {
        type: 'market.replaceOrder',
        order: context.need('order'),
        priceTicks: read(context, 'price', parsePrice),
        quantityWh: read(context, 'kwh', parseKwh),
      },
      '',
    );
    return send(context, await signed(context, [operation]));
  },
};
