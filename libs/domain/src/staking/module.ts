import { elect } from '@gridtokenx/chain';
import { assert, unreachable } from '@gridtokenx/kernel';
import { rejected, type OperationOf, type PublicGenesis, type RejectedOutcome } from '@gridtokenx/protocol';
import type { HookContext, LedgerModule, OperationContext } from '../ledger/module.js';
import { auditStaking } from './audit.js';
import { bondOperation, rebondOperation, setPayee, unbondOperation, withdrawOperation } from './bonding.js';
import { chillOperation, nominate, rotateKey, setCommission, validate } from './candidacy.js';
import { beginElection, exposureOf, goOnElecting, inSetOrder, tellElected, type ElectingParts } from './electing.js';
import { countPoints, genesisTime, turnEra } from './eras.js';
import { exposureTotal } from './exposure.js';
import { forget } from './history.js';
import { claim, payEras } from './payouts.js';
import { cancelSlash, takeSlashes } from './slashing.js';
import { ElectionCache, snapshotOf } from './snapshot.js';
import type { StakingParts } from './surroundings.js';

export const STAKING_OPERATIONS = [
  'staking.bond',
  'staking.unbond',
  'staking.rebond',
  'staking.withdraw',
  'staking.nominate',
  'staking.validate',
  'staking.setCommission',
  'staking.chill',
  'staking.rotateKey',
  'staking.setPayee',
  'staking.claim',
  'staking.cancelSlash',
] as const;
type StakingOperation = OperationOf<(typeof STAKING_OPERATIONS)[number]>;

/** Who validates the public ledger: by stake, elected while an era lasts for the era after it. */
export function stakingModule(around: StakingParts): LedgerModule<(typeof STAKING_OPERATIONS)[number]> {
  const parts: ElectingParts = { ...around, cache: new ElectionCache(around.staking) };
  return {
    name: 'staking',
    operations: STAKING_OPERATIONS,
    genesis: (genesis) => {
      assert(genesis.kind === 'public', 'only the public ledger has stakes');
      begin(parts, genesis);
    },
    execute: (context, operation) => execute(parts, context, operation),
    atStart: (context) => startBlock(parts, context),
    atEnd: (context) => {
      payEras(parts, context);
      goOnElecting(parts, context);
      forget(parts, context);
    },
    audit: () => auditStaking(parts),
  };
}

/** SPEC staking 10.7: the validators of the genesis are the set of era 0; what backs them is shared out as an election would. */
function begin({ staking }: ElectingParts, genesis: PublicGenesis): void {
  const { validators, nominators } = genesis;
  for (const { account, bond } of [...validators, ...nominators])
    staking.setBond(account, { active: BigInt(bond), unbonding: [] });
  for (const { account, key, commission } of validators)
    staking.setCandidate(account, {
      standing: true,
      commission: { parts: commission, era: 0, atEraStart: commission },
      key,
      barredTo: 0,
    });
  for (const { account, targets } of nominators) staking.setTargets(account, targets);
  const fixed = staking.election;
  staking.election = { ...fixed, phase: 'counting', seats: validators.length };
  const exposures = new Map(
    elect(snapshotOf(staking)).winners.map((winner) => [winner.candidate, exposureOf(winner)] as const),
  );
  staking.election = fixed;
  let staked = 0n;
  for (const { account, bond } of validators) {
    const exposure = exposures.get(account) ?? { validator: account, own: BigInt(bond), backers: [] };
    staking.exposures.set(`0/${account}`, exposure);
    staked += exposureTotal(exposure);
  }
  const members = inSetOrder(validators.map(({ account, key, commission }) => ({ account, key, commission })));
  staking.eras.set('0', { beganAt: genesisTime(genesis), members, staked, exposureEra: 0 });
}

function startBlock(parts: ElectingParts, context: HookContext): void {
  countPoints(parts, context);
  if (context.height === 1) tellElected(parts, context, 0, []);
  const begins = turnEra(parts, context);
  takeSlashes(parts, context);
  if (begins) beginElection(parts, context);
}

function execute(
  parts: StakingParts,
  context: OperationContext,
  operation: StakingOperation,
): RejectedOutcome | undefined {
  if (operation.type === 'staking.cancelSlash') return cancelSlash(parts, context, operation);
  if (context.key.account === '') return rejected('key.notAuthorised');
  switch (operation.type) {
    case 'staking.bond':
      return bondOperation(parts, context, operation);
    case 'staking.unbond':
      return unbondOperation(parts, context, operation);
    case 'staking.rebond':
      return rebondOperation(parts, context, operation);
    case 'staking.withdraw':
      return withdrawOperation(parts, context);
    case 'staking.nominate':
      return nominate(parts, context, operation);
    case 'staking.validate':
      return validate(parts, context, operation);
    case 'staking.setCommission':
      return setCommission(parts, context, operation);
    case 'staking.chill':
      return chillOperation(parts, context);
    case 'staking.rotateKey':
      return rotateKey(parts, context, operation);
    case 'staking.setPayee':
      return setPayee(parts, context, operation);
    case 'staking.claim':
      return claim(parts, context, operation);
    default:
      return unreachable(operation);
  }
}
