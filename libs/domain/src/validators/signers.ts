import { assert, unreachable } from '@gridtokenx/kernel';
import type { PublicGenesis } from '@gridtokenx/protocol';
import type { GridState } from '../grid/state.js';
import { UNUSED_WINDOW } from '../ledger/keys.js';
import type { LedgerModule } from '../ledger/module.js';
import { beginEpoch } from './epoch.js';
import { reportEquivocation, type EquivocationJudge, type EvidenceParts } from './evidence.js';
import { rejoin } from './rejoin.js';
import { newcomer, type ValidatorsState } from './state.js';

export interface SignersParts extends EvidenceParts {
  readonly grid: GridState;
}

/** SPEC validators 1.2: the ledger knows a key that signs blocks, for the account that answers for it. */
export function admitSigner(validators: ValidatorsState, grid: GridState, key: string, account: string): void {
  validators.validators.set(key, newcomer(account));
  grid.keys.set(key, { organisation: '', account: '', removed: false, window: UNUSED_WINDOW });
}

/** The keys that sign the blocks of the public ledger: who they are is decided by stake, and what they do wrong by the judge. */
export const signersModule = (
  parts: SignersParts,
  judge: EquivocationJudge,
): LedgerModule<'validators.rejoin' | 'validators.reportEquivocation'> => ({
  name: 'validators',
  operations: ['validators.rejoin', 'validators.reportEquivocation'],
  genesis: (genesis) => {
    assert(genesis.kind === 'public', 'the signers of the public ledger are of accounts');
    addGenesisSigners(parts, genesis);
  },
  execute: (context, operation) => {
    switch (operation.type) {
      case 'validators.rejoin':
        return rejoin(parts.validators, context, operation);
      case 'validators.reportEquivocation':
        return reportEquivocation(parts, judge, context, operation);
      default:
        return unreachable(operation);
    }
  },
  atStart: (context) => beginEpoch(parts.validators, context),
});

function addGenesisSigners({ validators, grid }: SignersParts, genesis: PublicGenesis): void {
  for (const { key, account } of genesis.validators) {
    admitSigner(validators, grid, key, account);
    validators.validators.set(key, { ...newcomer(account), member: true, next: true });
  }
}
