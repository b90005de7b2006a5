import { randomBytes } from 'node:crypto';
import { decodeProofJson, verifyOutcome, type GenesisAnchor } from '@gridtokenx/client';
import { native } from '@gridtokenx/crypto-native';
import { codeOf, formatDecimal, formatInterval, INTERVAL_MS, millis, parseTime } from '@gridtokenx/kernel';
import type { EventOf, Operation } from '@gridtokenx/protocol';
import { DEVELOPMENT_RESERVE } from '../system/development-ledger.js';
import type { ConsortiumStage, Scene } from './scene.js';

const ZONE = 'PEA-RYG-05';
const OPERATOR = 'pea';
const ENERGY_WH = 1_000_000;
const PRICE_TICKS = 450;
const MONEY = (10_000n * 1_000_000n).toString();

const randomId = (): string => randomBytes(16).toString('hex');

/** The trade of the brief: 1,000 kWh at 4.50 THB/kWh, and a proof of it that needs nobody's word. */
export const tradeScene = {
  name: 'trade',
  title: '1,000 kWh at 4.50 THB/kWh, proven',
  async play(stage: ConsortiumStage) {
    const { client, say, anchor } = stage;
    const people = { seller: randomId(), buyer: randomId(), meter: randomId() };
    await enrol(stage, people);
    const interval = await meter(stage, people.meter);
    say(`a solar park exported 1,000 kWh in ${interval}; KWH was minted to it`);

    const order = (account: string, side: 'ask' | 'bid'): Operation => ({
      type: 'market.placeOrder',
      account,
      side,
      fromZone: ZONE,
      toZone: ZONE,
      interval,
      priceTicks: PRICE_TICKS,
      quantityWh: String(ENERGY_WH),
      timeInForce: 'GTC',
    });
    const { members } = stage;
    await members.carryOut('back-office', [order(people.seller, 'ask')]);
    const [bid] = await members.carryOut('back-office', [order(people.buyer, 'bid')]);
    if (bid?.height === undefined) throw new Error('the bid has no block');

    const text = await client.proofText(bid.height, bid.id);
    const proven = verifyOutcome(anchor, decodeProofJson(text, { crypto: native }), native);
    if (!proven.valid) throw new Error(`the proof was refused: ${proven.code}`);
    const trade =
      proven.outcome.status === 'executed'
        ? proven.outcome.events.find((event) => event.type === 'market.traded')
        : undefined;
    if (trade === undefined || trade.type !== 'market.traded') throw new Error('the proven outcome holds no trade');
    const shown = {
      energyKwh: formatDecimal(BigInt(trade.quantityWh), 3),
      priceThbPerKwh: formatDecimal(BigInt(trade.priceTicks), 2, 2),
      totalThb: formatDecimal(BigInt(trade.notional), 6),
      gridFeeThb: formatDecimal(BigInt(trade.buyerFee) + BigInt(trade.sellerFee), 6),
    };
    say(`traded ${shown.energyKwh} kWh at ${shown.priceThbPerKwh} THB/kWh: ${shown.totalThb} THB`);
    say(
      `grid fee ${shown.gridFeeThb} THB, paid by ${payerOf(trade)} to the grid operator of ${trade.toZone} (${trade.feePayee.slice(0, 8)}…)`,
    );
    say(
      `block ${proven.height} ${proven.blockHash.slice(0, 16)}…, certificate signed by ${proven.signers} of ${proven.validators} validators`,
    );
    say(`the SDK verified the trade from the genesis file of ${anchor.ledgerId}`);

    const tampered = tamper(anchor, text, trade);
    for (const { what, refusal } of tampered) say(`a copy with ${what} is refused: ${refusal}`);
    return {
      ...shown,
      height: proven.height,
      blockHash: proven.blockHash,
      operationId: bid.id,
      signers: proven.signers,
      validators: proven.validators,
      proofVerified: proven.valid,
      tamperedRejected: tampered.every(({ refusal }) => refusal !== ''),
    };
  },
} satisfies Scene;

const payerOf = ({ buyerFee, sellerFee }: EventOf<'market.traded'>): string =>
  sellerFee === '0' ? 'the buyer' : buyerFee === '0' ? 'the seller' : 'buyer and seller';

async function enrol(
  { members, ledger }: ConsortiumStage,
  people: { seller: string; buyer: string; meter: string },
): Promise<void> {
  const backOffice = ledger.directory.organisations['back-office'];
  if (backOffice === undefined) throw new Error('the ledger has no back office');
  const accounts = [people.seller, people.buyer];
  await members.carryOut(
    'back-office',
    accounts.flatMap((account): Operation[] => [
      { type: 'registry.openAccount', account, organisation: backOffice.id },
      {
        type: 'registry.delegate',
        key: backOffice.kid,
        account,
        operations: ['market.placeOrder'],
        until: '2046-01-01T00:00:00Z',
      },
    ]),
  );
  await members.carryOut('bank', [
    ...accounts.map((account): Operation => ({ type: 'registry.setKyc', account, status: 'verified' })),
    ...deposit(people.buyer),
  ]);
  await members.carryOut(OPERATOR, [
    {
      type: 'registry.registerMeter',
      meter: people.meter,
      account: people.seller,
      zone: ZONE,
      limitWh: String(2 * ENERGY_WH),
    },
  ]);
}

/** The reserve covers what is in circulation and this deposit: attested first, minted then. */
function deposit(account: string): Operation[] {
  return [
    { type: 'accounts.attestReserve', amount: DEVELOPMENT_RESERVE.toString(), reference: 'reserve-demo' },
    { type: 'accounts.mint', account, amount: MONEY, reference: `deposit-${account.slice(0, 8)}` },
  ];
}

/** The operator's reading of the last interval that has ended in market time. */
async function meter({ client, members }: ConsortiumStage, id: string): Promise<string> {
  for (let attempt = 0; attempt < 20; attempt++) {
    const start = Math.floor((await marketTime(client)) / INTERVAL_MS) * INTERVAL_MS - INTERVAL_MS;
    const interval = formatInterval(millis(start));
    const reading: Operation = {
      type: 'metering.recordReading',
      meter: id,
      interval,
      consumedWh: '0',
      producedWh: String(ENERGY_WH),
    };
    const { operationIds } = await members.send(OPERATOR, [reading]);
    const view = await client.follow(operationIds[0] ?? '');
    if (view.status === 'executed') return interval;
    if (view.code !== 'metering.tooEarly' && view.code !== 'metering.bookClosed')
      throw new Error(`the reading was ${view.status}: ${view.code ?? ''}`);
    await new Promise((resolve) => setTimeout(resolve, 1_000));
  }
  throw new Error('no interval could be metered');
}

/** As the newest block says. It only chooses the interval; whether that has ended the ledger decides. */
async function marketTime(client: ConsortiumStage['client']): Promise<number> {
  for await (const { marketTime: shown } of client.blocks({ pageSize: 1 })) {
    const time = typeof shown === 'string' ? parseTime(shown) : undefined;
    if (time !== undefined) return time;
  }
  throw new Error('the chain has no block yet');
}

const PROOF_FIELDS: ReadonlySet<string> = new Set(
  'ledgerId height header certificate operationId index size outcome path'.split(' '),
);

/** Changes one thing at a time in the served proof; gives why the verifier refused each copy (empty if it did not). */
function tamper(
  anchor: GenesisAnchor,
  text: string,
  trade: EventOf<'market.traded'>,
): { what: string; refusal: string }[] {
  const proof = JSON.parse(text) as { outcome: string; path: string[]; certificate: string; header: string };
  const outcome = Buffer.from(proof.outcome, 'base64url').toString('utf8');
  const cheaper = outcome.replace(`"priceTicks":${trade.priceTicks}`, `"priceTicks":${trade.priceTicks - 100}`);
  const flip = (field: string): string => {
    const bytes = Buffer.from(field, 'base64url');
    bytes[bytes.length - 1] = (bytes[bytes.length - 1] ?? 0) ^ 1;
    return bytes.toString('base64url');
  };
  const copies: [string, object][] = [
    ['a price of 3.50', { ...proof, outcome: Buffer.from(cheaper).toString('base64url') }],
    ['one bit of a signature flipped', { ...proof, certificate: flip(proof.certificate) }],
    ['one bit of the header flipped', { ...proof, header: flip(proof.header) }],
  ];
  return copies.map(([what, copy]) => {
    // The proof alone, without what its text says about itself: the refusal must come from the cryptography.
    const rest = Object.fromEntries(Object.entries(copy).filter(([name]) => PROOF_FIELDS.has(name)));
    try {
      const verdict = verifyOutcome(anchor, decodeProofJson(JSON.stringify(rest), { crypto: native }), native);
      return { what, refusal: verdict.valid ? '' : verdict.code };
    } catch (error) {
      return { what, refusal: codeOf(error) ?? '' };
    }
  });
}
