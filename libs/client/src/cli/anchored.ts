import type { LightFault } from '@gridtokenx/chain';
import { equalBytes, formatDecimal, formatTime, fromHex, millis } from '@gridtokenx/kernel';
import { aggregateFields, identityOfKind, type Aggregates } from '@gridtokenx/protocol';
import { genesisAnchor } from '../anchor.js';
import { recomputeAggregates } from '../anchoring.js';
import { GridClient } from '../client.js';
import { decodeAnchorProof, verifyAnchorProof, type AnchoredUnder, type AnchorProofFault } from '../verify-anchor.js';
import { verifyOutcome, type OutcomeFault, type Refused } from '../verify.js';
import { CliError, EXIT, usage, type Command, type Context, type Option } from './command.js';
import { anchorOf, clientOf, genesisOption, readBytes, readJson, readText, refuse, urlOption } from './shared.js';
import { keepTrust, lightClientOf, trustOptions } from './trust.js';

const publicGenesis: Option = {
  ...genesisOption,
  about: "your copy of the public ledger's genesis file",
  required: true,
};

/** From the public genesis: the block of this height is under an anchor; or why that is not shown. */
async function underAnchor(
  context: Context,
  height: number,
  file: string | undefined,
): Promise<AnchoredUnder | Refused<AnchorProofFault | OutcomeFault | LightFault>> {
  const anchor = anchorOf(context);
  const identity = identityOfKind(anchor.identity, 'public');
  const served = file === undefined ? await clientOf(context).read(`/anchors/${height}/proof`) : undefined;
  const proof = decodeAnchorProof(served ?? readJson(context, readText(context, file ?? ''), file ?? ''));
  const isOnline = context.get('url') !== undefined;
  const anchored = isOnline
    ? await withTrust(context, (client) => client.verify(proof.anchored))
    : verifyOutcome(anchor, proof.anchored);
  return anchored.valid ? verifyAnchorProof(identity, height, proof.underAnchor, anchored) : anchored;
}

/** What is trusted afterwards is kept, where there is a file for it. */
async function withTrust<T>(
  context: Context,
  work: (client: Awaited<ReturnType<typeof lightClientOf>>) => Promise<T>,
): Promise<T> {
  const client = await lightClientOf(context);
  const result = await work(client);
  keepTrust(context, client);
  return result;
}

export const verifyAnchor: Command = {
  name: 'verify anchor',
  about: 'check from the public genesis alone that a block of the consortium is under an anchor',
  options: {
    genesis: publicGenesis,
    height: { value: 'HEIGHT', about: 'of the block of the consortium', required: true },
    file: {
      value: 'FILE',
      about: 'the proof, as /v1/public/anchors/{height}/proof serves it: then nothing is asked for',
    },
    ...trustOptions,
    url: { ...urlOption, about: 'a gateway that gives the proof, and what a light client needs; it is not believed' },
  },
  examples: [
    'verify anchor --genesis public-genesis.json --url http://127.0.0.1:8080 --height 120',
    'verify anchor --genesis public-genesis.json --file under-anchor.json --height 120',
  ],
  run: async (context) => {
    const [height, file] = [context.need('height'), context.get('file')];
    if (!/^[1-9]\d{0,14}$/.test(height)) throw usage(`--height ${height} is not the height of a block`);
    if (context.get('url') === undefined) {
      if (file === undefined) throw usage('give --url, --file or both');
      if ((context.get('trust') ?? context.get('told')) !== undefined) throw usage('--trust and --told go with --url');
    }
    const shown = await underAnchor(context, Number(height), file);
    if (!shown.valid) return refuse(context, shown.code, `block ${height} is not shown to be under an anchor`);
    const { ledgerId, hash, time, anchorHeight, publicHeight } = shown;
    context.say(
      [
        `under an anchor: block ${height} (${hash}) of ${ledgerId}, at ${formatTime(millis(time))}`,
        `  ${anchorHeight - shown.height + 1} headers lead up to block ${anchorHeight}, anchored in block ${publicHeight} of the public ledger`,
      ].join('\n'),
      { ...shown },
    );
    return EXIT.ok;
  },
};

export const verifyAggregates: Command = {
  name: 'verify aggregates',
  about: 'count published aggregates again from the blocks of the consortium, each proven from the first one on',
  options: {
    genesis: publicGenesis,
    'consortium-genesis': { value: 'FILE', about: "your copy of the consortium's genesis file", required: true },
    url: { ...urlOption, required: true },
    'consortium-url': { value: 'URL', about: 'a gateway of the consortium, for its blocks: --url by default' },
    id: { value: 'ID', about: 'of the publication, as `public aggregates` shows it', required: true },
    trust: trustOptions['trust'] as Option,
    told: trustOptions['told'] as Option,
  },
  examples: [
    'verify aggregates --genesis public-genesis.json --consortium-genesis genesis.json --url http://127.0.0.1:8080 --id <64 hex digits>',
  ],
  run: (context) => verifyPublication(context, context.need('id')),
};

/** SPEC transparency 3.6: the publication is proven, its blocks are under the anchor, and they come to its sums. */
async function verifyPublication(context: Context, id: string): Promise<number> {
  if (!/^[0-9a-f]{64}$/.test(id)) throw usage('--id is 64 hex digits in lower case');
  const identity = identityOfKind(anchorOf(context).identity, 'public');
  const consortium = genesisAnchor(readBytes(context, context.need('consortium-genesis')));
  const { consortium: named } = identity.genesis;
  const hash = fromHex(named?.genesisHash ?? '');
  if (
    named?.ledgerId !== consortium.ledgerId ||
    hash === undefined ||
    !equalBytes(hash, consortium.identity.genesisHash)
  )
    throw usage(`--consortium-genesis is not that of the consortium that ${identity.ledgerId} names`);

  const client = clientOf(context);
  const { beganHeight } = await client.read(`/aggregates/${id}`);
  if (typeof beganHeight !== 'number') throw new CliError('client.badAnswer', 'a publication has a block');
  const proof = await client.proof(beganHeight, id);
  const proven = await withTrust(context, (light) => light.verify(proof));
  if (!proven.valid) return refuse(context, proven.code, 'nobody shows that this was published');
  const events = proven.outcome.status === 'executed' ? proven.outcome.events : [];
  const published = events.find((event) => event.type === 'transparency.aggregatesPublished');
  if (published?.publication !== id)
    return refuse(context, 'aggregates.notPublished', 'the operation published nothing');

  const { fromHeight, toHeight } = published;
  const anchored = await underAnchor(context, toHeight, undefined);
  if (!anchored.valid) return refuse(context, anchored.code, `block ${toHeight} is not shown to be under an anchor`);
  const source = new GridClient({
    url: context.get('consortium-url') ?? context.need('url'),
    identity: consortium.identity,
    platform: context.io.platform,
  });
  const counted = await recomputeAggregates((height) => source.blockRecord(height), consortium, fromHeight, toHeight);
  if (counted.hash !== anchored.hash)
    return refuse(
      context,
      'aggregates.otherBlocks',
      `the blocks end in another block ${toHeight} than the anchored one`,
    );
  const names = Object.keys(aggregateFields) as (keyof Aggregates)[];
  const wrong = names
    .filter((name) => published[name] !== counted.aggregates[name])
    .map((name) => ({ field: name, published: published[name], counted: counted.aggregates[name] }));
  if (wrong.length > 0) {
    const told = wrong.map(({ field, published: said, counted: is }) => `${field} is ${is}, not ${said}`).join('; ');
    return refuse(context, 'aggregates.wrong', told, { publication: id, wrong });
  }
  const { trades, tradedWh } = counted.aggregates;
  context.say(
    [
      `right: publication ${id}, blocks ${fromHeight} to ${toHeight} of ${consortium.ledgerId}`,
      `  ${trades} trades of ${formatDecimal(BigInt(tradedWh), 3, 3)} kWh, counted again from ${toHeight} proven blocks up to the anchored one`,
    ].join('\n'),
    { valid: true, publication: id, anchorHash: anchored.hash, ...counted.aggregates },
  );
  return EXIT.ok;
}
