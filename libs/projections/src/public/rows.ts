import type { EventOf, LedgerEvent, OperationOf } from '@gridtokenx/protocol';
import type { FactRow, RecordRow, SumRow } from '../lists.js';
import type { AccountId, Amount, HexId, Kid } from '../rows.js';

/** The asset of the public ledger. */
export const GRID = 'GRID';

/** So that anchors stand in the order of their heights. */
export const anchorId = (height: number): string => String(height).padStart(16, '0');

/** What a block changes in the tables that only the public ledger has, and in the common ones by its own rules. */
export interface PublicRows {
  readonly kind: 'public';
  /** Accounts that were opened, by the key that owns each: known from then on, also once the account is empty and gone. */
  readonly accountKeys: readonly Kid[];
  /** Keys that sign blocks, from when their account names them; one that it gives up in the same block is removed at once. */
  readonly signerKeys: readonly { readonly kid: Kid; readonly removedHeight: number | undefined }[];
  readonly transfers: readonly TransferRow[];
  readonly facts: readonly FactRow[];
  readonly records: readonly RecordRow[];
  readonly sums: readonly SumRow[];
}

export interface TransferRow {
  /** Among all transfers of the block, from 0. */
  readonly place: number;
  readonly index: number;
  readonly operationId: Uint8Array | undefined;
  readonly from: AccountId;
  readonly to: AccountId;
  readonly amount: Amount;
}

type Told<T extends LedgerEvent['type']> = Omit<EventOf<T>, 'type'>;

/**
 * What happened, in lists by what somebody asks for: each has a topic, and most one list for each thing that they are about. A fact of
 * many lines (rewards, supports, slashes) is one fact for each of those whom a line is about.
 */
export interface Facts {
  /** Of what went to the treasury from envelopes and from accounts that ended. */
  readonly fees: EventOf<'grid.feesCollected' | 'grid.dustCollected'>;
  /** By name. */
  readonly parameter: EventOf<'parameters.changed'>;
  /** By account. */
  readonly bond: EventOf<
    | 'staking.bonded'
    | 'staking.unbonded'
    | 'staking.rebonded'
    | 'staking.withdrawn'
    | 'staking.nominated'
    | 'staking.stood'
    | 'staking.commissionSet'
    | 'staking.chilled'
    | 'staking.keyRotated'
    | 'staking.keyRetired'
    | 'staking.payeeSet'
  >;
  /** By era, in the order of the election: what it was held on, and what came out. */
  readonly election: EventOf<
    | 'staking.electionBegan'
    | 'staking.electionCandidates'
    | 'staking.electionNominators'
    | 'staking.electionHeld'
    | 'staking.electionWinner'
    | 'staking.setElected'
    | 'staking.setKept'
  >;
  /** By nominator: whom its stake backs in an era. */
  readonly supports: {
    readonly type: 'support';
    readonly era: number;
    readonly candidate: AccountId;
    readonly stake: Amount;
  };
  /** By era: what each validator's part was made of. */
  readonly payouts: EventOf<'staking.validatorPaid'>;
  /** By account. */
  readonly rewards: {
    readonly type: 'reward';
    readonly era: number;
    readonly validator: AccountId;
  } & EventOf<'staking.rewarded'>['lines'][number];
  readonly offences: EventOf<'staking.offended' | 'validators.equivocated'>;
  /** By account: what a slash took from it. */
  readonly charges: {
    readonly type: 'charge';
    readonly slash: number;
    readonly validator: AccountId;
  } & EventOf<'staking.slashed'>['charges'][number];
  /** By number of the referendum. */
  readonly proposal: EventOf<
    | 'governance.proposed'
    | 'governance.decisionDepositPlaced'
    | 'governance.placed'
    | 'governance.phaseBegan'
    | 'governance.approved'
    | 'governance.rejected'
    | 'governance.cancelled'
    | 'governance.depositSettled'
    | 'governance.enacted'
    | 'governance.votesCleared'
  >;
  readonly tallies: EventOf<'governance.tallied'>;
  /** By account. */
  readonly votes: EventOf<
    | 'governance.voted'
    | 'governance.voteRemoved'
    | 'governance.delegated'
    | 'governance.undelegated'
    | 'governance.capitalLocked'
  >;
  readonly treasury: EventOf<
    'treasury.spendApproved' | 'treasury.spent' | 'treasury.spendWaits' | 'treasury.spendDropped' | 'treasury.burned'
  >;
  readonly anchoring: EventOf<'transparency.setLearned' | 'transparency.frozen' | 'transparency.recovered'>;
  /** By account. */
  readonly multisig: EventOf<Extract<LedgerEvent['type'], `multisig.${string}`>>;
}
export type Topic = keyof Facts;
export const REFERENDUM_STATUSES = [
  'preparing',
  'deciding',
  'confirming',
  'approved',
  'rejected',
  'cancelled',
  'enacted',
  'failed',
] as const;

/** What stands, by kind: a record is put whole, or takes on what a fact says of it. */
export interface Records {
  /** By name. */
  readonly parameter: { readonly value: unknown };
  /** By account, of those that have or had a bond. `payee` null: rewards are bonded. */
  readonly bond: { readonly payee?: AccountId | null };
  /** By account, of those that stood for election ever. */
  readonly candidate: {
    readonly key: Kid;
    readonly commission: number;
    /** Whether it stands for the next election. */
    readonly stands: boolean;
    /** The last era whose set it was elected into, with what stands behind it. */
    readonly elected?: { readonly era: number; readonly key: Kid; readonly commission: number; readonly stake: Amount };
    /** The last era for which it had to wait for a seat. */
    readonly waits?: number;
  };
  /** By account, of those that nominate. */
  readonly nominator: { readonly targets: readonly AccountId[] };
  /** By number. */
  readonly era: {
    readonly election?: Omit<Told<'staking.electionBegan'>, 'era'>;
    readonly result?: Omit<Told<'staking.electionHeld'>, 'era'>;
    /** Why the set of the era before stayed. */
    readonly kept?: Told<'staking.setKept'>['why'];
    readonly began?: Omit<Told<'staking.eraBegan'>, 'era'>;
    readonly ended?: Omit<Told<'staking.eraEnded'>, 'era'>;
  };
  /** By key that signs blocks: since when its proposals are refused. It ends when the key is elected anew. */
  readonly suspension: { readonly why: HexId };
  /** By number of the era: who validates in it, where it has a set of its own. */
  readonly set: Omit<Told<'staking.setElected'>, 'era'>;
  /** By id. */
  readonly slash: Omit<Told<'staking.slashDeferred'>, 'id'> & {
    readonly status: 'deferred' | 'cancelled' | 'settled';
    /** Once it is settled: what was taken, and whose it is. */
    readonly settled?: Pick<Told<'staking.slashSettled'>, 'taken' | 'reward' | 'treasury'>;
  };
  /** By hash. */
  readonly preimage: Omit<Told<'governance.preimageNoted'>, 'callHash'>;
  /** By number. */
  readonly referendum: Omit<Told<'governance.proposed'>, 'referendum'> & {
    readonly status: (typeof REFERENDUM_STATUSES)[number];
    /** When it became that. */
    readonly since?: string;
    readonly placed: boolean;
    readonly decisionDeposit?: { readonly account: AccountId; readonly amount: Amount };
    readonly tally?: Omit<Told<'governance.tallied'>, 'referendum'>;
    readonly enactAt?: string;
    readonly why?: Told<'governance.rejected'>['why'];
    readonly asSpam?: boolean;
    /** What was done, or why not. */
    readonly operation?: HexId;
    readonly code?: string;
    /** No vote of it locks anything any more beside what was told. */
    readonly cleared: boolean;
  };
  /** By number of the referendum and account, and the other way round. */
  readonly vote: { readonly vote: OperationOf<'governance.vote'>['vote'] };
  readonly voteOf: { readonly vote: OperationOf<'governance.vote'>['vote'] };
  /** By who delegates and track, and by whom it is to. */
  readonly delegation: Pick<Told<'governance.delegated'>, 'to' | 'conviction' | 'amount'>;
  readonly delegator: Pick<Told<'governance.delegated'>, 'from' | 'track' | 'conviction' | 'amount'>;
  /** By account, of capital that stays locked until some time. */
  readonly lock: Pick<Told<'governance.capitalLocked'>, 'amount' | 'until'>;
  /** By number. */
  readonly spend: Omit<Told<'treasury.spendApproved'>, 'spend'> & {
    readonly status: 'approved' | 'waiting' | 'paid' | 'dropped';
    readonly code?: string;
  };
  /** By height of the anchored block, of sixteen digits; with the operation that anchored it, where one did. */
  readonly anchor: Told<'transparency.anchored'> & { readonly operation?: HexId };
  /** By id. */
  readonly publication: Omit<Told<'transparency.aggregatesPublished'>, 'publication'> & {
    readonly status: 'published' | 'disputed' | 'upheld' | 'withdrawn' | 'final';
    readonly dispute?: Pick<Told<'transparency.aggregatesDisputed'>, 'account' | 'reference'>;
  };
  readonly report: Omit<Told<'transparency.reportRegistered'>, 'report'> & { readonly supersededBy?: HexId };
  /** By account. */
  readonly multisig: Pick<Told<'multisig.created'>, 'signers' | 'threshold'> & { readonly version: number };
  /** By account and id. */
  readonly proposal: Omit<Told<'multisig.proposed'>, 'account' | 'proposal'> & {
    readonly approvals: number;
    readonly status: 'open' | 'executed' | 'refused' | 'cancelled' | 'expired';
    readonly code?: string;
  };
}
export type RecordKind = keyof Records;

/** Amounts that are added up: by what they are and whose or why. */
export const SUM_KINDS = [
  /** By account: what is bonded, on its way out or not, and what of it counts in elections. */
  'bonded',
  'active',
  /** By reason: see GridState; `genesis` is one of issuing. */
  'issued',
  'destroyed',
  /** `fees`, `dust`: what the treasury got of each. */
  'collected',
  /** What all that might vote is worth. */
  'electorate',
] as const;
export type SumKind = (typeof SUM_KINDS)[number];
