import type { Crypto } from '@gridtokenx/crypto';
import { assert, parseTime } from '@gridtokenx/kernel';
import type { LedgerIdentity, PublicGenesis } from '@gridtokenx/protocol';
import { AccountsState } from '../accounts/state.js';
import { governanceModule } from '../governance/module.js';
import { GovernanceState } from '../governance/state.js';
import { gridFees } from '../grid/fees.js';
import { gridModule } from '../grid/index.js';
import { GridState } from '../grid/state.js';
import type { LedgerDefinition, LedgerState } from '../ledger/definition.js';
import { defineLedger, type Ledger } from '../ledger/engine.js';
import { publicHost } from '../multisig/host.js';
import { multisigModule } from '../multisig/index.js';
import { MultisigState } from '../multisig/state.js';
import { parametersModule } from '../parameters/index.js';
import { ParametersState } from '../parameters/state.js';
import { stakingModule } from '../staking/module.js';
import { stakingJudge } from '../staking/slashing.js';
import { StakingState } from '../staking/state.js';
import { transparencyModule } from '../transparency/index.js';
import { TransparencyState } from '../transparency/state.js';
import { treasuryModule } from '../treasury/index.js';
import { TreasuryState } from '../treasury/state.js';
import { signersModule } from '../validators/signers.js';
import { ValidatorsState } from '../validators/state.js';

/** Everything that the state of the public ledger is made of. */
export interface PublicState extends LedgerState {
  readonly parameters: ParametersState;
  readonly grid: GridState;
  readonly staking: StakingState;
  readonly governance: GovernanceState;
  readonly treasury: TreasuryState;
  readonly transparency: TransparencyState;
  readonly multisig: MultisigState;
}

/** The constitution of the public ledger. */
export const publicLedger: LedgerDefinition<PublicGenesis, PublicState> = {
  state: (store, genesis, { crypto }) => {
    const accounts = new AccountsState(store);
    const parameters = new ParametersState(store);
    const grid = new GridState(store, accounts, parameters, crypto);
    return {
      store,
      accounts,
      parameters,
      grid,
      keys: grid.keys,
      fees: gridFees(grid, parameters),
      transparency: new TransparencyState(store, genesis.consortium),
      multisig: new MultisigState(store),
      validators: new ValidatorsState(store, genesis),
      staking: new StakingState(store, grid, genesis),
      governance: new GovernanceState(store),
      treasury: new TreasuryState(store),
    };
  },
  modules: (state, { crypto, ledgerId }) => {
    const parts = { ...state, crypto, ledgerId };
    const { staking, validators } = state;
    return [
      parametersModule(state.parameters),
      signersModule(parts, stakingJudge(parts)),
      stakingModule(parts),
      governanceModule({ ...parts, activeBond: (account) => staking.bond(account).active }, validators.epochBlocks),
      treasuryModule(state),
      transparencyModule(parts),
      multisigModule({ ...parts, host: publicHost(state.grid, state.parameters) }),
      // Last: it takes the fees when all else of a block is done.
      gridModule(state),
    ];
  },
  pace: ({ time }) => {
    const start = parseTime(time);
    assert(start !== undefined, 'a genesis that was read has a time');
    return { start, rate: 1 };
  },
};

export type PublicLedger = Ledger<PublicState>;

/** A public ledger in the state of its genesis. */
export function createPublicLedger(crypto: Crypto, identity: LedgerIdentity<PublicGenesis>): PublicLedger {
  const ledger = defineLedger(publicLedger, crypto, identity);
  ledger.begin();
  return ledger;
}
