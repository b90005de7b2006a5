import { REFERENDUM_STATUSES, type RecordKind, type Topic } from '@gridtokenx/projections';
import * as f from '@gridtokenx/protocol';
import { z } from 'zod';
import { wholeNumber } from '../http/query.js';
import { factOf, fieldsOf, happened, limit, minHeight, recordOf, standsAt } from './list-schemas.js';
import { proofAnswer } from './schemas.js';

export { answerOf, listQuery, oneQuery, pageOf, standsAt } from './list-schemas.js';

/** What goes in and out of the routes that only the public ledger has; made of the schemas of its facts. */

const { eventSchemas: e, operationSchemas } = f;
const whole = z.int().min(0);

// Requests

/** A form that is sent empty asks for no block. */
export const proofsQuery = z.strictObject({
  height: z
    .literal('')
    .transform(() => undefined)
    .or(wholeNumber(1, Number.MAX_SAFE_INTEGER))
    .optional()
    .describe('Of a block of the consortium.'),
});
export const accountsQuery = z.strictObject({
  minHeight,
  limit,
  cursor: f.gridAccount.optional().describe('`next` of the page before.'),
});
export const account = f.gridAccount;
export const wholeId = z.string().regex(/^(0|[1-9]\d{0,15})$/, 'a whole number');
export const referendumStatus = z.enum(REFERENDUM_STATUSES);
export const slashStatus = z.enum(['deferred', 'cancelled', 'settled']);
export const spendStatus = z.enum(['approved', 'waiting', 'paid', 'dropped']);
export const publicationStatus = z.enum(['published', 'disputed', 'upheld', 'withdrawn', 'final']);
export const multisigStatus = z.enum(['open', 'executed', 'refused', 'cancelled', 'expired']);

// Answers

/** Of a fact of many lines, the one that is about somebody. */
const lineOf = (type: string, fields: z.ZodRawShape, line: z.ZodObject): z.ZodObject =>
  z.strictObject({ type: z.literal(type), ...fields, ...line.shape });

const rewardLine = e['staking.rewarded'].shape.lines.element;
const chargeLine = e['staking.slashed'].shape.charges.element;

/** By topic: see `Facts` of the projections. */
export const factSchemas: Readonly<Record<Topic, z.ZodObject>> = {
  fees: factOf(e['grid.feesCollected'], e['grid.dustCollected']),
  parameter: factOf(e['parameters.changed']),
  bond: factOf(
    e['staking.bonded'],
    e['staking.unbonded'],
    e['staking.rebonded'],
    e['staking.withdrawn'],
    e['staking.nominated'],
    e['staking.stood'],
    e['staking.commissionSet'],
    e['staking.chilled'],
    e['staking.keyRotated'],
    e['staking.keyRetired'],
    e['staking.payeeSet'],
  ),
  election: factOf(
    e['staking.electionBegan'],
    e['staking.electionCandidates'],
    e['staking.electionNominators'],
    e['staking.electionHeld'],
    e['staking.electionWinner'],
    e['staking.setElected'],
    e['staking.setKept'],
  ),
  supports: factOf(lineOf('support', { era: f.count, candidate: f.gridAccount }, z.strictObject({ stake: f.amount }))),
  payouts: factOf(e['staking.validatorPaid']),
  rewards: factOf(lineOf('reward', { era: f.count, validator: f.gridAccount }, rewardLine)),
  offences: factOf(e['staking.offended'], e['validators.equivocated']),
  charges: factOf(lineOf('charge', { slash: f.number, validator: f.gridAccount }, chargeLine)),
  proposal: factOf(
    e['governance.proposed'],
    e['governance.decisionDepositPlaced'],
    e['governance.placed'],
    e['governance.phaseBegan'],
    e['governance.approved'],
    e['governance.rejected'],
    e['governance.cancelled'],
    e['governance.depositSettled'],
    e['governance.enacted'],
    e['governance.votesCleared'],
  ),
  tallies: factOf(e['governance.tallied']),
  votes: factOf(
    e['governance.voted'],
    e['governance.voteRemoved'],
    e['governance.delegated'],
    e['governance.undelegated'],
    e['governance.capitalLocked'],
  ),
  treasury: factOf(
    e['treasury.spendApproved'],
    e['treasury.spent'],
    e['treasury.spendWaits'],
    e['treasury.spendDropped'],
    e['treasury.burned'],
  ),
  anchoring: factOf(e['transparency.setLearned'], e['transparency.frozen'], e['transparency.recovered']),
  multisig: factOf(
    e['multisig.created'],
    e['multisig.proposed'],
    e['multisig.approved'],
    e['multisig.executed'],
    e['multisig.callRefused'],
    e['multisig.cancelled'],
    e['multisig.expired'],
    e['multisig.signersSet'],
  ),
};

const tally = fieldsOf(e['governance.tallied'], 'referendum');
const voted = { vote: operationSchemas['governance.vote'].shape.vote };
const sums = {
  bonded: f.amount.optional().describe('All that is bonded, with what is on its way out: it is locked.'),
  active: f.amount.optional().describe('What of it counts in elections.'),
};

/** By kind: see `Records` of the projections. */
export const recordSchemas: Readonly<Record<RecordKind, z.ZodObject>> = {
  parameter: recordOf({ value: z.unknown() }),
  bond: recordOf({
    payee: f.gridAccount.nullish().describe('Who gets its rewards; without one they are bonded.'),
    ...sums,
  }),
  candidate: recordOf({
    key: f.keyId.describe('The key that signs its blocks.'),
    commission: f.parts,
    stands: z.boolean().describe('Whether it stands for the next election.'),
    elected: z
      .strictObject({ era: f.count, key: f.keyId, commission: f.parts, stake: f.amount })
      .optional()
      .describe('The last era whose set it was elected into, with what stands behind it.'),
    waits: f.count.optional().describe('The last era for which it had to wait for a seat.'),
    ...sums,
  }),
  nominator: recordOf({ targets: z.array(f.gridAccount), ...sums }),
  era: recordOf({
    election: z.strictObject(fieldsOf(e['staking.electionBegan'], 'era')).optional(),
    result: z.strictObject(fieldsOf(e['staking.electionHeld'], 'era')).optional(),
    kept: e['staking.setKept'].shape.why.optional().describe('Why the set of the era before stayed.'),
    began: z.strictObject(fieldsOf(e['staking.eraBegan'], 'era')).optional(),
    ended: z.strictObject(fieldsOf(e['staking.eraEnded'], 'era')).optional(),
  }),
  suspension: recordOf({ why: f.operationId }),
  set: recordOf(fieldsOf(e['staking.setElected'], 'era')),
  slash: recordOf({
    ...fieldsOf(e['staking.slashDeferred'], 'id'),
    status: slashStatus,
    settled: z.strictObject({ taken: f.amount, reward: f.amount, treasury: f.amount }).optional(),
  }),
  preimage: recordOf(fieldsOf(e['governance.preimageNoted'], 'callHash')),
  referendum: recordOf({
    ...fieldsOf(e['governance.proposed'], 'referendum'),
    status: referendumStatus,
    since: f.time.optional().describe('When it became that.'),
    placed: z.boolean().describe('Whether it has a place among those that are decided.'),
    decisionDeposit: z.strictObject({ account: f.gridAccount, amount: f.amount }).optional(),
    tally: z.strictObject(tally).optional(),
    enactAt: f.time.optional(),
    why: e['governance.rejected'].shape.why.optional(),
    asSpam: z.boolean().optional(),
    operation: f.operationId.optional().describe('What was asked for when it was enacted.'),
    code: z.string().optional().describe('Why that was refused.'),
    cleared: z.boolean().describe('Whether its votes lock nothing any more beside what was told.'),
  }),
  vote: recordOf({ parent: z.string(), ...voted }),
  voteOf: recordOf({ parent: z.string(), ...voted }),
  delegation: recordOf({ parent: z.string(), ...fieldsOf(e['governance.delegated'], 'from', 'track') }),
  delegator: recordOf({ parent: z.string(), ...fieldsOf(e['governance.delegated'], 'to') }),
  lock: recordOf({ parent: z.string(), amount: f.amount, until: f.time }),
  spend: recordOf({
    ...fieldsOf(e['treasury.spendApproved'], 'spend'),
    status: spendStatus,
    code: z.string().optional(),
  }),
  anchor: recordOf({
    ...fieldsOf(e['transparency.anchored']),
    operation: f.operationId.optional().describe('That anchored it.'),
  }),
  publication: recordOf({
    ...fieldsOf(e['transparency.aggregatesPublished'], 'publication'),
    status: publicationStatus,
    dispute: z.strictObject({ account: f.gridAccount, reference: f.reference }).optional(),
  }),
  report: recordOf({
    ...fieldsOf(e['transparency.reportRegistered'], 'report'),
    supersededBy: f.operationId.optional(),
  }),
  multisig: recordOf({ ...fieldsOf(e['multisig.created'], 'account'), version: whole }),
  proposal: recordOf({
    parent: z.string(),
    ...fieldsOf(e['multisig.proposed'], 'account', 'proposal'),
    approvals: whole,
    status: multisigStatus,
    code: f.rejectionCode.optional(),
  }),
};

export const gridBalance = z.strictObject({ account: f.gridAccount, available: f.amount, held: f.amount });
export const gridAccount = gridBalance.extend({
  spendable: f.amount.describe('What is available, less the greatest of the locks: they overlay.'),
  locks: z.array(
    z.strictObject({
      reason: z.enum(['staking', 'governance']),
      amount: f.amount,
      until: f.time.optional().describe('Absent for one that stands until what it is for ends.'),
    }),
  ),
  bonded: f.amount,
  active: f.amount,
});
export const transfer = z.strictObject({
  ...happened,
  from: f.gridAccount,
  to: f.gridAccount,
  amount: f.amount,
});
const byReason = z.record(z.string(), f.amount);
export const supply = z.strictObject({
  genesis: f.amount,
  issued: byReason.describe('Since the genesis, by reason.'),
  destroyed: byReason.describe('Since the genesis, by reason.'),
  total: f.amount.describe('genesis + issued - destroyed: what all accounts have.'),
});
export const treasury = z.strictObject({
  account: f.gridAccount,
  available: f.amount,
  held: f.amount,
  collected: byReason.describe('What it got of fees and of dust.'),
  burned: f.amount,
});

export const anchorProof = z.strictObject({
  asOf: standsAt,
  ledgerId: z.string().describe('Of the consortium.'),
  height: whole.describe('Of the block.'),
  anchorHeight: whole.describe('Of the anchored block.'),
  underAnchor: z
    .string()
    .regex(/^([0-9a-f]{2})+$/)
    .describe('In hex: the headers from the block to the anchored one (docs/spec/transparency.md 4.2).'),
  anchored: proofAnswer.describe('What the operation did that anchored it, proven on the public ledger.'),
});
