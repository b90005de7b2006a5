import { toHex, utf8, toBase64Url, formatTime, millis } from '@gridtokenx/kernel';
import { native } from '@gridtokenx/crypto-native';
import { encodeCertificate, encodeHeader, headerHash, type Block } from '@gridtokenx/chain';
import {
  anchorId,
  projectionOf,
  type RecordKind,
  type RowsOf,
  type SumKind,
  type Topic,
  type Facts,
  type Records,
} from '@gridtokenx/projections';
import { TREASURY_ACCOUNT, type LedgerEvent, type LedgerIdentity } from '@gridtokenx/protocol';
import type {
  FactView,
  ListFilter,
  PublicReadModels,
  PublicReads,
  RecordView,
  TransferView,
} from '@gridtokenx/runtime';
import { gridAmount, testPublicGenesis } from '@gridtokenx/testkit';
import { executed, FakeReads, blockRowsOf, kidOf, seedOf, World } from './fixture.spec.js';

export const [ANN, BOB, CAT] = [21, 22, 23].map((n) => kidOf(seedOf(n))) as [string, string, string];
export const MULTISIG = 'ab'.repeat(16);
const hash = (text: string): string => toHex(native.sha256(utf8(text)));
export const CALL_HASH = hash('call');
export const PUBLICATION = hash('publication');
export const REPORT = hash('report');
export const OLD_REPORT = hash('old report');
const MULTISIG_PROPOSAL = hash('proposal');
const { genesis: GENESIS } = { genesis: testPublicGenesis({ timeMs: 0, accounts: [], validators: [] }) };
const terms = GENESIS.parameters['governance.tracks'].treasury;
const at = formatTime(millis(1_780_000_000_000));
const tally = { ayes: '5', nays: '4', support: '3', electorate: '100' };
const key = (n: number): string => kidOf(seedOf(40 + n));

/** At least one fact of each list, and one of each kind of thing that stands. */
export const EVENTS: readonly LedgerEvent[] = [
  { type: 'grid.accountOpened', account: CAT },
  { type: 'grid.transferred', from: ANN, to: CAT, amount: '7' },
  { type: 'grid.transferred', from: CAT, to: BOB, amount: '2' },
  { type: 'grid.dustCollected', account: CAT, amount: '1' },
  { type: 'grid.feesCollected', payers: 2, amount: '9' },
  { type: 'parameters.changed', name: 'grid.feeBase', before: '"1000"', after: '"2000"' },
  { type: 'staking.bonded', account: ANN, amount: '500', active: '500' },
  { type: 'staking.unbonded', account: ANN, amount: '100', active: '400', until: 28 },
  { type: 'staking.rebonded', account: ANN, amount: '10', active: '410' },
  { type: 'staking.withdrawn', account: ANN, amount: '20' },
  { type: 'staking.stood', account: ANN, commission: 5, key: key(1) },
  { type: 'staking.commissionSet', account: ANN, before: 5, commission: 6 },
  { type: 'staking.keyRotated', account: ANN, before: key(1), key: key(2) },
  { type: 'staking.keyRetired', account: ANN, key: key(1) },
  { type: 'staking.payeeSet', account: ANN, payee: BOB },
  { type: 'staking.bonded', account: BOB, amount: '50', active: '50' },
  { type: 'staking.nominated', account: BOB, targets: [ANN] },
  { type: 'staking.payeeSet', account: BOB },
  {
    type: 'staking.electionBegan',
    era: 3,
    seats: 4,
    candidates: 1,
    nominators: 1,
    staked: '460',
    iterations: 10,
    tolerance: '0',
  },
  { type: 'staking.electionCandidates', era: 3, first: 0, candidates: [ANN] },
  { type: 'staking.electionNominators', era: 3, first: 0, nominators: [{ account: BOB, budget: '50', targets: [0] }] },
  {
    type: 'staking.electionHeld',
    era: 3,
    winners: 1,
    minimalStake: '460',
    sumStake: '460',
    sumStakeSquared: '211600',
    stripped: [],
  },
  {
    type: 'staking.electionWinner',
    era: 3,
    candidate: ANN,
    round: 0,
    stake: '460',
    first: 0,
    supports: [{ nominator: BOB, stake: '50' }],
  },
  {
    type: 'staking.setElected',
    era: 3,
    validators: [{ account: ANN, key: key(2), commission: 6, stake: '460' }],
    waiting: [CAT],
  },
  { type: 'staking.setKept', era: 4, why: 'tooFewWinners' },
  { type: 'staking.eraBegan', era: 3, validators: 1, staked: '460' },
  {
    type: 'staking.eraEnded',
    era: 3,
    lengthMs: 600_000,
    staked: '460',
    issuance: '900',
    maximum: '30',
    payout: '20',
    remainder: '10',
    points: 40,
  },
  {
    type: 'staking.validatorPaid',
    era: 3,
    validator: ANN,
    proposed: 1,
    voted: 20,
    points: 40,
    ofPoints: 40,
    payout: '20',
    share: '20',
    commission: 6,
    forWork: '1',
    forStakes: '19',
    exposure: '460',
    residue: '1',
  },
  {
    type: 'staking.rewarded',
    era: 3,
    validator: ANN,
    lines: [
      { account: ANN, stake: '410', reward: '16', payee: BOB },
      { account: BOB, stake: '50', reward: '2' },
    ],
  },
  {
    type: 'staking.offended',
    era: 3,
    validator: ANN,
    offence: 'equivocation',
    offenders: 1,
    validators: 4,
    fraction: 10,
  },
  { type: 'staking.slashDeferred', id: 1, validator: ANN, era: 3, due: 30, total: '12', reward: '1', reporter: CAT },
  { type: 'staking.slashed', id: 1, validator: ANN, charges: [{ account: BOB, due: '2', taken: '2' }] },
  { type: 'staking.slashSettled', id: 1, validator: ANN, taken: '2', reward: '1', reporter: CAT, treasury: '1' },
  { type: 'governance.preimageNoted', callHash: CALL_HASH, account: ANN, call: '{}', deposit: '3' },
  {
    type: 'governance.proposed',
    referendum: 7,
    track: 'treasury',
    account: ANN,
    callHash: CALL_HASH,
    deposit: '10',
    terms,
    lockPeriodMs: 60_000,
  },
  { type: 'governance.decisionDepositPlaced', referendum: 7, account: BOB, amount: '100' },
  { type: 'governance.placed', referendum: 7 },
  { type: 'governance.phaseBegan', referendum: 7, phase: 'deciding', at },
  {
    type: 'governance.voted',
    referendum: 7,
    account: BOB,
    vote: { kind: 'standard', aye: true, conviction: 1, capital: '30' },
  },
  { type: 'governance.delegated', track: 'root', from: BOB, to: ANN, conviction: 2, amount: '5' },
  { type: 'governance.tallied', referendum: 7, ...tally },
  { type: 'governance.electorateCounted', electorate: '100' },
  { type: 'governance.capitalLocked', account: BOB, amount: '30', until: at },
  { type: 'governance.approved', referendum: 7, at, enactAt: at, ...tally },
  {
    type: 'governance.depositSettled',
    referendum: 7,
    deposit: 'decision',
    account: BOB,
    amount: '100',
    forfeited: false,
  },
  {
    type: 'governance.enacted',
    referendum: 7,
    callHash: CALL_HASH,
    operation: hash('enacted'),
    code: 'key.notAuthorised',
  },
  { type: 'treasury.spendApproved', spend: 1, beneficiary: CAT, amount: '4', validFrom: at },
  { type: 'treasury.spendWaits', spend: 1 },
  { type: 'treasury.burned', amount: '8' },
  {
    type: 'transparency.anchored',
    account: ANN,
    height: 1_200,
    hash: hash('block'),
    epoch: 1,
    time: at,
    resultsRoot: hash('r'),
    stateDigest: hash('s'),
    signers: 14,
  },
  { type: 'transparency.setLearned', epoch: 1, validators: [ANN] },
  {
    type: 'transparency.aggregatesPublished',
    publication: PUBLICATION,
    account: ANN,
    ...({
      fromHeight: 1,
      toHeight: 9,
      trades: 2,
      tradedWh: '1',
      notional: '1',
      gridFees: '1',
      producedWh: '1',
      consumedWh: '1',
      importWh: '1',
      retiredWh: '1',
      feedInWh: '1',
      feedInPaid: '1',
      wattMinted: '1',
      wattBurned: '1',
      wattReserve: '1',
      wattSupply: '1',
    } as const),
    averagePrice: 1,
    renewableShare: 1,
    deposit: '1',
    disputableUntil: at,
  },
  { type: 'transparency.aggregatesDisputed', publication: PUBLICATION, account: BOB, reference: 'page-7' },
  {
    type: 'transparency.reportRegistered',
    report: OLD_REPORT,
    account: ANN,
    kind: 'audit',
    periodFrom: at,
    periodTo: at,
    hash: hash('a'),
    verifier: 'node verify.mjs',
    version: 1,
  },
  {
    type: 'transparency.reportRegistered',
    report: REPORT,
    account: ANN,
    kind: 'audit',
    periodFrom: at,
    periodTo: at,
    hash: hash('b'),
    verifier: 'node verify.mjs',
    version: 2,
    supersedes: OLD_REPORT,
  },
  { type: 'multisig.created', account: MULTISIG, signers: [ANN, BOB], threshold: 2 },
  {
    type: 'multisig.proposed',
    account: MULTISIG,
    proposal: MULTISIG_PROPOSAL,
    timepoint: { height: 1, index: 1 },
    signer: ANN,
    callHash: CALL_HASH,
    expiresAt: at,
    deposit: '2',
    threshold: 2,
  },
  {
    type: 'multisig.approved',
    account: MULTISIG,
    proposal: MULTISIG_PROPOSAL,
    signer: BOB,
    approvals: 2,
    threshold: 2,
  },
];

/** A block of one hook that tells these facts. */
/** The port over the rows of a genesis and of one block. */
export class FakePublicReads extends FakeReads implements PublicReadModels {
  private readonly rows: readonly RowsOf<'public'>[];
  /** Of blocks that a test has made, below those of the facts. */
  readonly anchors: RecordView<Records['anchor']>[] = [];

  constructor(identity: LedgerIdentity, events: readonly LedgerEvent[] = []) {
    super(identity);
    const told = blockRowsOf('public', identity, events, at, 1_780_000_000_000);
    this.rows = [projectionOf('public').genesisRows(identity), told];
  }

  private pageOf<T>(list: readonly T[], { after = '0', limit = 100, oldestFirst = false }: ListFilter) {
    const ordered = oldestFirst ? list : list.toReversed();
    const from = Number(after);
    const next = from + limit < ordered.length ? String(from + limit) : undefined;
    return { height: 1, timeMs: 1_780_000_000_000, items: ordered.slice(from, from + limit), next };
  }
  private answer<T>(value: T) {
    return { height: 1, timeMs: 1_780_000_000_000, value };
  }

  private standing<K extends RecordKind>(
    kind: K,
    parent: string,
    sums: readonly SumKind[] = [],
  ): RecordView<Records[K]>[] {
    const found = new Map<string, RecordView<Records[K]>>();
    for (const { height, records } of this.rows)
      for (const row of records) {
        if (row.kind !== kind || row.parent !== parent) continue;
        const old = found.get(row.id);
        const body =
          old === undefined ? row.fresh : row.body && (row.replaces ? row.body : { ...old.body, ...row.body });
        if (body === undefined) found.delete(row.id);
        else
          found.set(row.id, {
            parent,
            id: row.id,
            body: body as RecordView<Records[K]>['body'],
            beganHeight: old?.beganHeight ?? height,
            height,
            sums: Object.fromEntries(sums.map((sum) => [sum, this.sum(sum, row.id)])),
          });
      }
    return [...(kind === 'anchor' ? (this.anchors as unknown as RecordView<Records[K]>[]) : []), ...found.values()];
  }
  private sum(kind: SumKind, id: string): string {
    let sum = 0n;
    for (const row of this.rows.flatMap(({ sums }) => sums)) {
      if (row.kind !== kind || row.id !== id) continue;
      sum = (row.value ?? sum) + row.change;
      if (sum < row.least) sum = row.least;
    }
    return sum.toString();
  }

  gridAccounts: PublicReads['gridAccounts'] = async (page) =>
    this.pageOf(
      [ANN, BOB].map((account) => ({ account, available: '5', held: '0' })),
      { ...page, oldestFirst: true },
    );
  gridAccount: PublicReads['gridAccount'] = async (account) =>
    this.answer({
      account,
      available: '100',
      held: '3',
      locks: [
        { reason: 'staking', amount: '70', untilMs: undefined },
        { reason: 'governance', amount: '20', untilMs: 1_790_000_000_000 },
      ],
      bonded: this.sum('bonded', account),
      active: this.sum('active', account),
    });
  transfers: PublicReads['transfers'] = async ({ account, ...filter }) =>
    this.pageOf(
      this.rows.flatMap(({ height, timeMs, transfers }) =>
        transfers
          .filter(({ from, to }) => account === undefined || from === account || to === account)
          .map(({ from, to, amount, index }): TransferView => ({
            from,
            to,
            amount,
            index,
            height,
            timeMs,
            operationId: hash(amount),
          })),
      ),
      filter,
    );
  facts = async <T extends Topic>(topic: T, subject: string, filter: ListFilter) =>
    this.pageOf(
      this.rows.flatMap(({ height, timeMs, facts }) =>
        facts
          .filter((row) => row.topic === topic && row.subject === subject)
          .map(({ body, index }): FactView<Facts[T]> => ({
            fact: body as FactView<Facts[T]>['fact'],
            index,
            height,
            timeMs,
            operationId: undefined,
          })),
      ),
      filter,
    );
  records: PublicReads['records'] = async (kind, parent, { having = {}, sums, ...filter }) =>
    this.pageOf(
      this.standing(kind, parent, sums).filter(({ body }) =>
        Object.entries(having).every(([name, value]) => (body as Record<string, unknown>)[name] === value),
      ),
      filter,
    );
  record: PublicReads['record'] = async (kind, parent, id, sums) =>
    this.answer(this.standing(kind, parent, sums).find((view) => view.id === id));
  recordFrom: PublicReads['recordFrom'] = async (kind, parent, id) =>
    this.answer(this.standing(kind, parent).find((view) => view.id >= id));
  multisigsOf: PublicReads['multisigsOf'] = async (signer, page) =>
    this.pageOf(
      this.standing('multisig', '').filter(({ body }) => body.signers.includes(signer)),
      page,
    );
  sums: PublicReads['sums'] = async <S extends SumKind>(kinds: readonly S[]) => {
    const ids = (kind: S): string[] => [
      ...new Set(this.rows.flatMap(({ sums }) => sums.flatMap((row) => (row.kind === kind ? [row.id] : [])))),
    ];
    return this.answer(
      Object.fromEntries(
        kinds.map((kind) => [kind, Object.fromEntries(ids(kind).map((id) => [id, this.sum(kind, id)]))]),
      ) as Record<S, Record<string, string>>,
    );
  };
}

export const TREASURY = TREASURY_ACCOUNT;
export const KEY = toBase64Url(native.publicKeyOf(seedOf(1)));

export const PUBLIC_FILE = utf8(
  JSON.stringify(
    testPublicGenesis({
      timeMs: Date.UTC(2026, 5, 14),
      accounts: [{ id: kidOf(seedOf(10)), amount: gridAmount(20_000) }],
      validators: [{ key: kidOf(seedOf(0)), account: kidOf(seedOf(10)), bond: gridAmount(10_000), commission: 0 }],
    }),
  ),
);

/** The consortium decides three blocks, and block 1 of the public ledger anchors the second of them. */
export function anchorSecondBlock(consortium: World, reads: FakePublicReads): readonly Block[] {
  const blocks = [1, 2, 3].map(() => consortium.decide([consortium.envelope()]));
  const [, { header, certificate } = {}] = blocks;
  if (header === undefined || certificate === undefined) throw new Error('there are three blocks');
  const open = new World(PUBLIC_FILE);
  const body: RecordView<Records['anchor']>['body'] = {
    account: ANN,
    height: header.height,
    hash: toHex(headerHash(native, header)),
    epoch: 0,
    time: formatTime(header.time),
    resultsRoot: toHex(certificate.resultsRoot),
    stateDigest: toHex(certificate.stateDigest),
    signers: certificate.signatures.length,
  };
  const envelope = open.envelope([
    {
      type: 'transparency.anchor',
      header: toHex(encodeHeader(header)),
      certificate: toHex(encodeCertificate(certificate, consortium.set.keys.length)),
    },
  ]);
  open.decide([envelope], () => ({ ...executed, events: [{ type: 'transparency.anchored', ...body }] }));
  reads.blockList.push(...open.readModels.blockList);
  const [operation] = open.readModels.operations.keys();
  const where = { parent: '', id: anchorId(header.height), beganHeight: 1, height: 1, sums: {} };
  reads.anchors.push({ ...where, body: { ...body, ...(operation !== undefined && { operation }) } });
  return blocks;
}
