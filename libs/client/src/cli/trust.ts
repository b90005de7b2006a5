import type { Hash } from '@gridtokenx/crypto';
import { formatTime, fromHex, millis, toBase64Url, toHex } from '@gridtokenx/kernel';
import type { TrustedState } from '@gridtokenx/chain';
import { GridClient } from '../client.js';
import { LightClient, reportsOf } from '../light-client.js';
import { decodeTrust, encodeTrust } from '../trust-file.js';
import { EXIT, usage, type Command, type Context, type Option } from './command.js';
import { anchorOf, clientOf, genesisOption, readText, refuse, urlOption } from './shared.js';

const trustOption: Option = {
  value: 'FILE',
  about: 'what was trusted last, kept by this program; made from the genesis when there is none',
};

export const trustOptions: Readonly<Record<string, Option>> = {
  trust: trustOption,
  url: urlOption,
  told: {
    value: 'HEIGHT:HEX',
    about: 'a recent block and its hash, told by people: for a new client of an old ledger',
  },
};

/** A light client of the user's genesis and trust file, if there is one, that asks the gateway, and believes nothing of it. */
export async function lightClientOf(context: Context): Promise<LightClient> {
  const { identity, rules } = anchorOf(context);
  const path = context.get('trust');
  const isKept = path !== undefined && context.io.files.exists(path);
  const states = isKept ? decodeTrust(rules, readText(context, path)) : undefined;
  const client = new LightClient({
    identity,
    source: clientOf(context),
    platform: context.io.platform,
    ...(states !== undefined && { states }),
  });
  const told = context.get('told');
  if (told !== undefined) {
    const [, height = '', hex = ''] = /^([1-9]\d{0,14}):([0-9a-f]{64})$/.exec(told) ?? [];
    const hash = fromHex(hex);
    if (hash?.length !== 32) throw usage('--told is a height, a colon and 64 hex digits in lower case');
    await client.trustHash(Number(height), hash as Hash);
  }
  return client;
}

export function keepTrust(context: Context, { options, states }: LightClient): void {
  const path = context.get('trust');
  if (path !== undefined) context.io.files.replace(path, encodeTrust(options.rules, states));
}

const headOf = ({ height, hash, time, nextValidators }: TrustedState) => ({
  height,
  hash: toHex(hash),
  time: formatTime(millis(time)),
  epoch: nextValidators.epoch,
  nextValidators: nextValidators.keys.map(toBase64Url),
});

export const trustUpdate: Command = {
  name: 'trust update',
  about: 'bring what you trust up to where the gateway stands, checking every step; do it once in a trusting period',
  options: {
    genesis: { ...genesisOption, required: true },
    ...trustOptions,
    trust: { ...trustOption, required: true },
    url: { ...urlOption, required: true },
    'compare-url': { value: 'URL', about: 'another gateway, to see that both tell the same block' },
  },
  examples: [
    'trust update --genesis genesis.json --trust trust.json --url http://127.0.0.1:8080',
    'trust update --genesis genesis.json --trust trust.json --url http://127.0.0.1:8080 --told 120000:<64 hex digits>',
  ],
  run: async (context) => {
    const client = await lightClientOf(context);
    const { height } = await clientOf(context).health();
    if (typeof height === 'number') await client.advance(height);
    const compareUrl = context.get('compare-url');
    if (compareUrl !== undefined) {
      const compared = await client.compare(new GridClient({ url: compareUrl, platform: context.io.platform }));
      if (compared !== 'same' && 'verdict' in compared)
        return refuse(
          context,
          compared.code,
          `${compareUrl} tells another block ${compared.height}, which nobody certified`,
        );
      if (compared !== 'same')
        return refuse(context, 'light.fork', `two blocks of height ${client.head.height} are certified`, {
          signedBoth: compared.signedBoth.map(toBase64Url),
          inOneRound: compared.inOneRound,
          evidence: reportsOf(compared),
        });
    }
    keepTrust(context, client);
    const head = headOf(client.head);
    if (client.isStale)
      return refuse(
        context,
        'light.stale',
        `the newest block that the gateway gives is of ${head.time}; ask another`,
        head,
      );
    context.say(
      `trusted: block ${head.height} (${head.hash}) at ${head.time}; ${head.nextValidators.length} validators decide the next`,
      head,
    );
    return EXIT.ok;
  },
};
