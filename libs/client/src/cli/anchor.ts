import { ANCHORS_PER_BLOCK_MAX } from '@gridtokenx/protocol';
import { genesisAnchor } from '../anchor.js';
import { anchorOperations, newestAnchor } from '../anchoring.js';
import { GridClient } from '../client.js';
import { LightClient } from '../light-client.js';
import { EXIT, CliError, usage, type Command, type Context } from './command.js';
import { publicClient } from './public-reads.js';
import { readBytes } from './shared.js';
import { send, sendOptions, signed } from './submit.js';

function heightIn(context: Context, name: string): number | undefined {
  const text = context.get(name);
  if (text === undefined) return undefined;
  if (!/^(0|[1-9]\d{0,14})$/.test(text)) throw usage(`--${name} ${text} is not a height`);
  return Number(text);
}

export const anchorCommand: Command = {
  name: 'anchor',
  about: 'anchor the consortium on the public ledger: checks its blocks with a light client, and sends the headers',
  options: {
    'consortium-url': { value: 'URL', about: 'a gateway of the consortium', required: true },
    'consortium-genesis': { value: 'FILE', about: "your copy of the consortium's genesis file", required: true },
    after: {
      value: 'HEIGHT',
      about: 'the height to go on after; by default what the public ledger has anchored newest',
    },
    height: { value: 'HEIGHT', about: 'what to anchor: the newest block by default' },
    ...sendOptions,
  },
  examples: [
    'anchor --consortium-url http://127.0.0.1:8080 --consortium-genesis genesis.json --url http://127.0.0.1:8080 --key me.key --genesis public-genesis.json --wait',
  ],
  run: async (context) => {
    const { platform } = context.io;
    const { identity, rules } = genesisAnchor(readBytes(context, context.need('consortium-genesis')));
    const source = new GridClient({ url: context.need('consortium-url'), identity, platform });
    const newest = heightIn(context, 'height') ?? (await source.health())['height'];
    if (typeof newest !== 'number') throw new CliError('client.badAnswer', 'the gateway does not say where it stands');
    // The ledger would refuse what is not so, and take the fee for it.
    await new LightClient({ identity, source, platform }).advance(newest);
    const anchored = heightIn(context, 'after') ?? (await newestAnchor(publicClient(context)))?.height ?? 0;
    const found = await anchorOperations(source, rules, anchored, newest, ANCHORS_PER_BLOCK_MAX);
    const last = found.at(-1)?.height ?? anchored;
    if (found.length === 0) {
      context.say(`block ${anchored} is anchored, and there is none after it`, { anchored });
      return EXIT.ok;
    }
    if (last < newest) context.note(`up to block ${last}; go on when it is anchored`);
    return send(
      context,
      await signed(
        context,
        found.map(({ operation }) => operation),
      ),
    );
  },
};
