import type { Crypto } from '@gridtokenx/crypto';
import { epochOf } from '@gridtokenx/chain';
import type { AccountsState } from '../accounts/state.js';
import type { GridState } from '../grid/state.js';
import type { BlockContext } from '../ledger/module.js';
import type { ParametersState } from '../parameters/state.js';
import type { ValidatorsState } from '../validators/state.js';
import type { BondTerms } from './bond.js';
import type { CommissionLimits } from './commission.js';
import type { StakingDurations } from './parameters.js';
import type { StakingState } from './state.js';

/** What staking needs of the ledger around it. */
export interface StakingParts {
  readonly staking: StakingState;
  readonly validators: ValidatorsState;
  readonly grid: GridState;
  readonly accounts: AccountsState;
  readonly parameters: ParametersState;
  readonly crypto: Pick<Crypto, 'verify' | 'isAcceptableKey'>;
  readonly ledgerId: string;
}

/** SPEC staking 10.1: an era is an epoch. */
export const eraOf = (
  { validators }: Pick<StakingParts, 'validators'>,
  { height }: Pick<BlockContext, 'height'>,
): number => epochOf(height, validators.epochBlocks);

export const bondTerms = ({ parameters }: StakingParts): BondTerms => ({
  minimum: parameters.amount('staking.minimumNominatorBond'),
  bonding: parameters.get('staking.bondingEras'),
  chunks: parameters.get('staking.unbondingChunks'),
});

export const commissionLimits = ({ parameters }: StakingParts): CommissionLimits => ({
  minimum: parameters.get('staking.minimumCommission'),
  changePerEra: parameters.get('staking.commissionChangePerEra'),
});

export const durationsOf = ({ parameters }: StakingParts): StakingDurations => ({
  evidence: parameters.get('staking.evidenceEras'),
  slashDefer: parameters.get('staking.slashDeferEras'),
  bonding: parameters.get('staking.bondingEras'),
});
