import { toHex, unreachable } from '@gridtokenx/kernel';
import { isHexAccount } from '@gridtokenx/protocol';
import type { EventsOf, OwnCollector, Where } from '../projection.js';
import type { KeyRow } from '../rows.js';
import { Changes, told } from '../changes.js';
import { anchorId, type Facts, type PublicRows, type Records, type SumKind, type TransferRow } from './rows.js';

export const PUBLIC_MODULES = [
  'grid',
  'parameters',
  'validators',
  'staking',
  'governance',
  'treasury',
  'transparency',
  'multisig',
] as const;
type PublicEvent = EventsOf<(typeof PUBLIC_MODULES)[number]>;
type EventOfModule<M extends string> = Extract<PublicEvent, { readonly type: `${M}.${string}` }>;

/** Gathers the rows of one block. */
export class PublicCollector implements OwnCollector<PublicEvent, PublicRows> {
  readonly tradeCount = 0;
  readonly changes = new Changes<Facts, Records, SumKind>();
  private readonly accountKeys = new Set<string>();
  private readonly signerKeys = new Map<string, number | undefined>();
  private readonly removedKeys = new Set<string>();
  private readonly transfers: TransferRow[] = [];

  constructor(private readonly height: number) {}

  isNew(): boolean {
    return false;
  }

  done(): PublicRows & { keys: readonly KeyRow[]; removedKeys: readonly string[] } {
    const { facts, records, sums } = this.changes;
    return {
      kind: 'public',
      accountKeys: [...this.accountKeys],
      signerKeys: [...this.signerKeys].map(([kid, removedHeight]) => ({ kid, removedHeight })),
      transfers: this.transfers,
      facts,
      records,
      sums,
      keys: [],
      removedKeys: [...this.removedKeys],
    };
  }

  event(event: PublicEvent, where: Where): void {
    if (isOf(event, 'grid')) return this.grid(event, where);
    if (isOf(event, 'parameters')) return this.parameter(event, where);
    if (isOf(event, 'validators')) return this.validators(event, where);
    if (isOf(event, 'staking')) return this.staking(event, where);
    if (isOf(event, 'governance')) return this.governance(event, where);
    if (isOf(event, 'treasury')) return this.treasury(event, where);
    if (isOf(event, 'transparency')) return this.transparency(event, where);
    if (isOf(event, 'multisig')) return this.multisig(event, where);
    unreachable(event);
  }

  private grid(event: EventOfModule<'grid'>, where: Where): void {
    const { changes, transfers } = this;
    switch (event.type) {
      case 'grid.accountOpened':
        if (!isHexAccount(event.account)) this.accountKeys.add(event.account);
        return;
      case 'grid.transferred':
        transfers.push({ ...told(event), index: where.index, operationId: where.operationId, place: transfers.length });
        return;
      case 'grid.dustCollected':
        changes.add('collected', 'dust', BigInt(event.amount));
        return changes.fact('fees', '', where, event);
      case 'grid.feesCollected':
        changes.add('collected', 'fees', BigInt(event.amount));
        return changes.fact('fees', '', where, event);
      default:
        unreachable(event);
    }
  }

  private parameter(event: EventOfModule<'parameters'>, where: Where): void {
    this.changes.put('parameter', event.name, { value: JSON.parse(event.after) });
    this.changes.fact('parameter', event.name, where, event);
  }

  private validators(event: EventOfModule<'validators'>, where: Where): void {
    if (event.type === 'validators.equivocated') this.changes.fact('offences', '', where, event);
    // Of the rest blocks carry the sets, and who votes how is read from there.
    if (event.type === 'validators.suspended') this.changes.put('suspension', event.validator, { why: event.change });
  }

  private staking(event: EventOfModule<'staking'>, where: Where): void {
    const { changes } = this;
    switch (event.type) {
      case 'staking.bonded':
        this.bonded(event.account, BigInt(event.amount));
        changes.set('active', event.account, BigInt(event.active));
        return changes.fact('bond', event.account, where, event);
      case 'staking.unbonded':
      case 'staking.rebonded':
        changes.set('active', event.account, BigInt(event.active));
        return changes.fact('bond', event.account, where, event);
      case 'staking.withdrawn':
        changes.add('bonded', event.account, -BigInt(event.amount));
        return changes.fact('bond', event.account, where, event);
      case 'staking.nominated':
        changes.put('nominator', event.account, { targets: event.targets });
        changes.amend('candidate', event.account, { stands: false });
        return changes.fact('bond', event.account, where, event);
      case 'staking.stood': {
        const { account, commission, key } = event;
        this.signerKeys.set(key, undefined);
        changes.remove('nominator', account);
        changes.patch('candidate', account, { key, commission, stands: true });
        return changes.fact('bond', account, where, event);
      }
      case 'staking.commissionSet':
        changes.amend('candidate', event.account, { commission: event.commission });
        return changes.fact('bond', event.account, where, event);
      case 'staking.chilled':
        changes.remove('nominator', event.account);
        changes.amend('candidate', event.account, { stands: false });
        return changes.fact('bond', event.account, where, event);
      case 'staking.keyRotated':
        this.signerKeys.set(event.key, undefined);
        changes.amend('candidate', event.account, { key: event.key });
        return changes.fact('bond', event.account, where, event);
      case 'staking.keyRetired':
        if (this.signerKeys.has(event.key)) this.signerKeys.set(event.key, this.height);
        else this.removedKeys.add(event.key);
        return changes.fact('bond', event.account, where, event);
      case 'staking.payeeSet':
        changes.patch('bond', event.account, { payee: event.payee ?? null });
        return changes.fact('bond', event.account, where, event);
      case 'staking.electionBegan':
        changes.patch('era', String(event.era), { election: told(event, 'era') });
        return changes.fact('election', event.era, where, event);
      case 'staking.electionCandidates':
      case 'staking.electionNominators':
        return changes.fact('election', event.era, where, event);
      case 'staking.electionHeld':
        changes.patch('era', String(event.era), { result: told(event, 'era') });
        return changes.fact('election', event.era, where, event);
      case 'staking.electionWinner': {
        const { era, candidate, supports } = event;
        for (const { nominator, stake } of supports)
          changes.fact('supports', nominator, where, { type: 'support', era, candidate, stake });
        return changes.fact('election', era, where, event);
      }
      case 'staking.setElected': {
        const { era, validators, waiting } = event;
        for (const { account, ...elected } of validators) {
          changes.amend('candidate', account, { elected: { era, ...elected } });
          changes.remove('suspension', elected.key);
        }
        for (const account of waiting) changes.amend('candidate', account, { waits: era });
        changes.put('set', String(era), { validators, waiting });
        return changes.fact('election', era, where, event);
      }
      case 'staking.setKept':
        changes.patch('era', String(event.era), { kept: event.why });
        return changes.fact('election', event.era, where, event);
      case 'staking.eraBegan':
        return changes.patch('era', String(event.era), { began: told(event, 'era') });
      case 'staking.eraEnded':
        changes.add('issued', 'stakingReward', BigInt(event.remainder));
        return changes.patch('era', String(event.era), { ended: told(event, 'era') });
      case 'staking.validatorPaid':
        changes.add('issued', 'stakingReward', BigInt(event.share));
        return changes.fact('payouts', event.era, where, event);
      case 'staking.rewarded': {
        const { era, validator, lines } = event;
        for (const line of lines) {
          if (line.payee === undefined) {
            this.bonded(line.account, BigInt(line.reward));
            changes.add('active', line.account, BigInt(line.reward));
          }
          changes.fact('rewards', line.account, where, { type: 'reward', era, validator, ...line });
        }
        return;
      }
      case 'staking.offended':
        return changes.fact('offences', '', where, event);
      case 'staking.slashDeferred':
        return changes.put('slash', String(event.id), { ...told(event, 'id'), status: 'deferred' });
      case 'staking.slashCancelled':
        return changes.amend('slash', String(event.id), { status: 'cancelled' });
      case 'staking.slashed': {
        const { id: slash, validator, charges } = event;
        for (const charge of charges) {
          changes.add('bonded', charge.account, -BigInt(charge.taken));
          changes.add('active', charge.account, -BigInt(charge.taken));
          changes.fact('charges', charge.account, where, { type: 'charge', slash, validator, ...charge });
        }
        return;
      }
      case 'staking.slashSettled': {
        const { taken, reward, treasury } = event;
        return changes.amend('slash', String(event.id), { status: 'settled', settled: { taken, reward, treasury } });
      }
      default:
        unreachable(event);
    }
  }

  /** So much more; an account that never had a bond has one from now on. */
  private bonded(account: string, amount: bigint): void {
    this.changes.patch('bond', account, {});
    this.changes.add('bonded', account, amount);
  }

  private governance(event: EventOfModule<'governance'>, where: Where): void {
    const { changes } = this;
    switch (event.type) {
      case 'governance.preimageNoted':
        return changes.put('preimage', event.callHash, told(event, 'callHash'));
      case 'governance.preimageRemoved':
        return changes.remove('preimage', event.callHash);
      case 'governance.voted': {
        const { account, vote } = event;
        const referendum = String(event.referendum);
        changes.put('vote', [referendum, account], { vote });
        changes.put('voteOf', [account, referendum], { vote });
        return changes.fact('votes', account, where, event);
      }
      case 'governance.voteRemoved': {
        const referendum = String(event.referendum);
        changes.remove('vote', [referendum, event.account]);
        changes.remove('voteOf', [event.account, referendum]);
        return changes.fact('votes', event.account, where, event);
      }
      case 'governance.delegated': {
        const { track, from, to, conviction, amount } = event;
        changes.put('delegation', [from, track], { to, conviction, amount });
        changes.put('delegator', [to, `${track}.${from}`], { from, track, conviction, amount });
        return changes.fact('votes', from, where, event);
      }
      case 'governance.undelegated':
        changes.remove('delegation', [event.from, event.track]);
        changes.remove('delegator', [event.to, `${event.track}.${event.from}`]);
        return changes.fact('votes', event.from, where, event);
      case 'governance.capitalLocked': {
        const { account, amount, until } = event;
        changes.put('lock', [account, `${until}.${amount}`], { amount, until });
        return changes.fact('votes', account, where, event);
      }
      case 'governance.tallied':
        changes.amend('referendum', String(event.referendum), { tally: told(event, 'referendum') });
        return changes.fact('tallies', event.referendum, where, event);
      case 'governance.electorateCounted':
        return changes.set('electorate', '', BigInt(event.electorate));
      default:
        this.referendum(event);
        return changes.fact('proposal', event.referendum, where, event);
    }
  }

  private referendum(event: Extract<EventOfModule<'governance'>, { readonly referendum: number }>): void {
    const { changes } = this;
    const id = String(event.referendum);
    switch (event.type) {
      case 'governance.proposed':
        return changes.put('referendum', id, {
          ...told(event, 'referendum'),
          status: 'preparing',
          placed: false,
          cleared: false,
        });
      case 'governance.decisionDepositPlaced':
        return changes.amend('referendum', id, { decisionDeposit: { account: event.account, amount: event.amount } });
      case 'governance.placed':
        return changes.amend('referendum', id, { placed: true });
      case 'governance.phaseBegan':
        return changes.amend('referendum', id, { status: event.phase, since: event.at });
      case 'governance.approved': {
        const { at, enactAt, ayes, nays, support, electorate } = event;
        const tally = { ayes, nays, support, electorate };
        return changes.amend('referendum', id, { status: 'approved', since: at, enactAt, tally });
      }
      case 'governance.rejected': {
        const { at, why, ayes, nays, support, electorate } = event;
        const tally = { ayes, nays, support, electorate };
        return changes.amend('referendum', id, { status: 'rejected', since: at, why, tally });
      }
      case 'governance.cancelled':
        return changes.amend('referendum', id, { status: 'cancelled', asSpam: event.asSpam });
      case 'governance.enacted': {
        const { operation, code } = event;
        if (code === undefined) return changes.amend('referendum', id, { status: 'enacted', operation });
        return changes.amend('referendum', id, { status: 'failed', operation, code });
      }
      case 'governance.votesCleared':
        return changes.amend('referendum', id, { cleared: true });
      // What of its deposits became what stands in the list of its facts.
      default:
        return;
    }
  }

  private treasury(event: EventOfModule<'treasury'>, where: Where): void {
    const { changes } = this;
    changes.fact('treasury', '', where, event);
    switch (event.type) {
      case 'treasury.spendApproved':
        return changes.put('spend', String(event.spend), { ...told(event, 'spend'), status: 'approved' });
      case 'treasury.spent':
        return changes.amend('spend', String(event.spend), { status: 'paid' });
      case 'treasury.spendWaits':
        return changes.amend('spend', String(event.spend), { status: 'waiting' });
      case 'treasury.spendDropped':
        return changes.amend('spend', String(event.spend), { status: 'dropped', code: event.code });
      case 'treasury.burned':
        return changes.add('destroyed', 'treasuryBurn', BigInt(event.amount));
      default:
        unreachable(event);
    }
  }

  private transparency(event: EventOfModule<'transparency'>, where: Where): void {
    const { changes } = this;
    switch (event.type) {
      case 'transparency.anchored':
        return changes.put('anchor', anchorId(event.height), {
          ...told(event),
          ...(where.operationId !== undefined && { operation: toHex(where.operationId) }),
        });
      case 'transparency.recovered':
        for (const height of event.forgotten) changes.remove('anchor', anchorId(height));
        return changes.fact('anchoring', '', where, event);
      case 'transparency.setLearned':
      case 'transparency.frozen':
        return changes.fact('anchoring', '', where, event);
      case 'transparency.aggregatesPublished':
        return changes.put('publication', event.publication, { ...told(event, 'publication'), status: 'published' });
      case 'transparency.aggregatesDisputed': {
        const { account, reference } = event;
        return changes.amend('publication', event.publication, { status: 'disputed', dispute: { account, reference } });
      }
      case 'transparency.disputeSettled':
        return changes.amend('publication', event.publication, { status: event.stands ? 'upheld' : 'withdrawn' });
      case 'transparency.aggregatesFinal':
        return changes.amend('publication', event.publication, { status: 'final' });
      case 'transparency.reportRegistered': {
        const { report, supersedes } = event;
        if (supersedes !== undefined) changes.amend('report', supersedes, { supersededBy: report });
        return changes.put('report', report, told(event, 'report'));
      }
      default:
        unreachable(event);
    }
  }

  private multisig(event: EventOfModule<'multisig'>, where: Where): void {
    const { changes } = this;
    changes.fact('multisig', event.account, where, event);
    switch (event.type) {
      case 'multisig.created': {
        const { signers, threshold } = event;
        return changes.put('multisig', event.account, { signers, threshold, version: 0 });
      }
      case 'multisig.signersSet': {
        const { signers, threshold, version } = event;
        return changes.amend('multisig', event.account, { signers, threshold, version });
      }
      case 'multisig.proposed': {
        const about = { ...told(event, 'account', 'proposal'), approvals: 1, status: 'open' as const };
        return changes.put('proposal', [event.account, event.proposal], about);
      }
      case 'multisig.approved':
        return changes.amend('proposal', [event.account, event.proposal], { approvals: event.approvals });
      case 'multisig.executed':
        return changes.amend('proposal', [event.account, event.proposal], { status: 'executed', call: event.call });
      case 'multisig.callRefused': {
        const { call, code } = event;
        return changes.amend('proposal', [event.account, event.proposal], { status: 'refused', call, code });
      }
      case 'multisig.cancelled':
        return changes.amend('proposal', [event.account, event.proposal], { status: 'cancelled' });
      case 'multisig.expired':
        return changes.amend('proposal', [event.account, event.proposal], { status: 'expired' });
      default:
        unreachable(event);
    }
  }
}

const isOf = <M extends (typeof PUBLIC_MODULES)[number]>(event: PublicEvent, module: M): event is EventOfModule<M> =>
  event.type.startsWith(`${module}.`);
