import { encodeUnderAnchor, proveUnderAnchor } from '@gridtokenx/chain';
import { noble } from '@gridtokenx/crypto';
import { formatTime, toBase64Url, toHex, utf8 } from '@gridtokenx/kernel';
import { Aggregator, decodeOutcome, type LedgerEvent, type Outcome } from '@gridtokenx/protocol';
import { gridAmount, testPublicGenesis } from '@gridtokenx/testkit';
import { ACCOUNT, seedOf, TestLedger, type TestBlock } from './fixture.spec.js';
import { encodeProofJson } from './proof-json.js';

/** A consortium of 11 blocks, and a public ledger that anchors the ninth and publishes what nine came to: once right, once wrong. */

const PERSON = toBase64Url(noble.publicKeyOf(seedOf(50)));
const did = (...events: LedgerEvent[]): Outcome => ({ v: 1, status: 'executed', events, postings: [], holds: [] });

export const consortium = new TestLedger(4, undefined, { epochBlocks: 3, later: [[0, 1, 2, 4]] });
for (let height = 1; height <= 11; height++)
  consortium.grow(2, undefined, () =>
    height === 5
      ? did({ type: 'accounts.minted', account: ACCOUNT, asset: 'WATT', amount: '7', reference: 'deposit' })
      : did(),
  );

const { genesis, genesisHash, ledgerId } = consortium.identity;
export const publicGenesisFile = (more: object = {}): Uint8Array =>
  utf8(
    JSON.stringify({
      ...testPublicGenesis({
        timeMs: Date.UTC(2026, 5, 15),
        accounts: [{ id: PERSON, amount: gridAmount(20_000) }],
        validators: [
          { key: toBase64Url(noble.publicKeyOf(seedOf(0))), account: PERSON, bond: gridAmount(10_000), commission: 0 },
        ],
        consortium: {
          ledgerId,
          genesisHash: toHex(genesisHash),
          time: genesis.time,
          epochBlocks: genesis.consensus.epochBlocks,
          validators: genesis.validators.map(({ key }) => key),
        },
      }),
      ...more,
    }),
  );
export const publicLedger = new TestLedger(1, undefined, { file: publicGenesisFile() });

export const blockAt = (height: number): TestBlock => {
  const block = consortium.blocks[height - 1];
  if (block === undefined) throw new Error('the fixture has no such block');
  return block;
};
export const headerAt = (height: number) => blockAt(height).block.header;
export const ANCHORED = 9;
export const anchoredHash = toHex(blockAt(ANCHORED).block.certificate.blockHash);

const { certificate, header } = blockAt(ANCHORED).block;
export const anchoring = publicLedger.grow(1, undefined, () =>
  did({
    type: 'transparency.anchored',
    account: PERSON,
    height: ANCHORED,
    hash: anchoredHash,
    epoch: header.epoch,
    time: formatTime(header.time),
    resultsRoot: toHex(certificate.resultsRoot),
    stateDigest: toHex(certificate.stateDigest),
    signers: certificate.signatures.length,
  }),
);

const sums = new Aggregator(1);
for (const { block } of consortium.blocks.slice(0, ANCHORED))
  sums.add(block.outcomes.map(({ bytes }) => decodeOutcome(bytes)));
export const { aggregates } = sums;
const publish = (minted: string): TestBlock =>
  publicLedger.grow(1, undefined, (publication) =>
    did({
      type: 'transparency.aggregatesPublished',
      publication,
      account: PERSON,
      ...aggregates,
      wattMinted: minted,
      averagePrice: 0,
      renewableShare: 0,
      deposit: '1',
      disputableUntil: genesis.time,
    }),
  );
export const published = publish(aggregates.wattMinted);
export const wronglyPublished = publish('8');

/** As the gateway serves it, with the way of headers that a test wants. */
export function served(height: number, headerOf = headerAt, block = anchoring): Record<string, unknown> {
  const proof = proveUnderAnchor({ height: ANCHORED }, height, headerOf);
  if (proof === undefined) throw new Error('the fixture has these headers');
  const anchored: unknown = JSON.parse(encodeProofJson(publicLedger.prove(block, 0), 1));
  return { height, anchorHeight: ANCHORED, underAnchor: toHex(encodeUnderAnchor(proof)), anchored };
}
