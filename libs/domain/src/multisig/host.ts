import { rejected, type LedgerKind, type RejectedOutcome } from '@gridtokenx/protocol';
import { holdDeposit, releaseDeposit } from '../grid/deposit.js';
import type { GridState } from '../grid/state.js';
import type { Actor, BlockContext, OperationContext } from '../ledger/module.js';
import type { ParametersState } from '../parameters/state.js';
import { isOrganisationKey } from '../registry/rights.js';
import type { RegistryState } from '../registry/state.js';

/** What accounts of several signers are on one kind of ledger. */
export interface MultisigHost {
  readonly kind: LedgerKind;
  /** By which name whoever asks may be a signer; `undefined` for nobody. */
  signerOf(context: OperationContext): string | undefined;
  /** Why a key cannot be a signer. */
  refuseSigner(key: string): RejectedOutcome | undefined;
  /** Opens an account that there was not, for whoever asks. */
  open(context: OperationContext, account: string): RejectedOutcome | undefined;
  /** In whose name a call of the account runs. */
  actorOf(account: string): Actor;
  /** What is held while a proposal is open, in micro-GRID, a safe integer. */
  readonly deposit: number;
  /** Holds a deposit, or says why not. */
  hold(context: BlockContext, account: string, deposit: number): RejectedOutcome | undefined;
  /** Gives back what was held. */
  release(context: BlockContext, account: string, deposit: number): void;
}

/** SPEC multisig 1.2: an account of GRID that no key owns; signers are accounts, named by the keys that own them. */
export const publicHost = (grid: GridState, parameters: ParametersState): MultisigHost => ({
  kind: 'public',
  signerOf: ({ key }) => (key.account === '' ? undefined : key.account),
  refuseSigner: () => undefined,
  open: (context, account) => {
    const creator = context.key.account;
    if (creator === '') return rejected('key.notAuthorised');
    if (grid.exists(account)) return rejected('multisig.accountExists', { account });
    grid.named.set(account, 'multisig');
    const { minimum } = grid;
    const refusal = grid.pay(context, creator, account, minimum);
    if (refusal !== undefined) return refusal;
    context.events.push(
      { type: 'grid.accountOpened', account },
      { type: 'grid.transferred', from: creator, to: account, amount: minimum.toString() },
    );
    return undefined;
  },
  actorOf: (account) => ({ kid: account, key: { organisation: '', account, removed: false } }),
  get deposit() {
    return Number(parameters.amount('multisig.deposit'));
  },
  hold: (context, account, deposit) => holdDeposit(grid, context, account, deposit),
  release: (context, account, deposit) => releaseDeposit(grid, context, account, deposit),
});

/** SPEC multisig 1.3: an account of the registry, kept by an organisation; signers are registered keys of anyone. */
export const consortiumHost = (registry: RegistryState): MultisigHost => ({
  kind: 'consortium',
  signerOf: ({ kid, key }) => (key.removed ? undefined : kid),
  refuseSigner: (key) =>
    registry.keys.get(key)?.removed === false ? undefined : rejected('registry.unknownKey', { key }),
  open: (context, account) => {
    const { organisation } = context.key;
    if (!isOrganisationKey(context, organisation)) return rejected('key.notAuthorised');
    if (registry.accounts.has(account)) return rejected('multisig.accountExists', { account });
    registry.accounts.set(account, { organisation, kyc: 'pending', kycUntil: 0 });
    context.events.push({ type: 'registry.accountOpened', account, organisation });
    return undefined;
  },
  actorOf: (account) => ({
    kid: account,
    key: { organisation: registry.accounts.get(account)?.organisation ?? '', account, removed: false },
  }),
  deposit: 0,
  hold: () => undefined,
  release: () => undefined,
});
