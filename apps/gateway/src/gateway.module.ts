import { LEDGER_PATHS, topicsOf, type LedgerKind } from '@gridtokenx/protocol';
import { Module } from '@nestjs/common';
import type { DynamicModule, Provider, Type } from '@nestjs/common';
import { RouterModule } from '@nestjs/core';
import { AccountsController } from './controllers/accounts.controller.js';
import { BatchesController } from './controllers/batches.controller.js';
import { BlocksController } from './controllers/blocks.controller.js';
import { ConsortiumController } from './controllers/consortium.controller.js';
import { LedgerController } from './controllers/ledger.controller.js';
import { MarketsController } from './controllers/markets.controller.js';
import { OpenApiController } from './controllers/openapi.controller.js';
import { OperationsController } from './controllers/operations.controller.js';
import { ProofsController } from './controllers/proofs.controller.js';
import { PublicController } from './controllers/public.controller.js';
import { ReadingsController } from './controllers/readings.controller.js';
import { StatementsController } from './controllers/statements.controller.js';
import { ValidatorChangesController } from './controllers/validator-changes.controller.js';
import { ValidatorsController } from './controllers/validators.controller.js';
import {
  CLOCK,
  CONSORTIUM,
  CRYPTO,
  DEFAULT_LIMITS,
  GENESIS_FILE,
  HREFS,
  IDENTITY,
  LEDGERS,
  LIMITS,
  LOG,
  OPERATIONS_TOPIC,
  READ_MODELS,
  type GatewayLimits,
  type GatewayParts,
  type LedgerParts,
} from './parts.js';
import { AnchorProofs } from './read/anchor-proofs.js';
import { BlockStore } from './read/block-store.js';
import { ConsortiumQueries } from './read/consortium-queries.js';
import { Health } from './read/health.js';
import { Heights } from './read/heights.js';
import { Outcomes } from './read/outcomes.js';
import { ReadingsCheck } from './read/readings-check.js';
import { Reads } from './read/reads.js';
import { Statements } from './read/statements.js';
import { Tariffs } from './read/tariffs.js';
import { ValidatorTable } from './read/validator-table.js';
import { ValidatorWatch } from './read/validator-watch.js';
import { hrefsUnder } from './read/views.js';
import { Backlog } from './write/backlog.js';
import { Budget } from './write/budget.js';
import { Intake } from './write/intake.js';
import { PendingFollower } from './write/pending-follower.js';
import { Pending } from './write/pending.js';

/** One class for each ledger: the router knows the path of a module by its class. */
@Module({})
class ConsortiumRoutes {}
@Module({})
class PublicRoutes {}

interface Routes {
  readonly module: Type;
  /** Beside those that every ledger has. */
  readonly controllers: readonly Type[];
  readonly providers: readonly Provider[];
}

const ROUTES: Readonly<Record<LedgerKind, Routes>> = {
  consortium: {
    module: ConsortiumRoutes,
    controllers: [
      AccountsController,
      MarketsController,
      ReadingsController,
      ConsortiumController,
      StatementsController,
      ValidatorChangesController,
      OpenApiController,
    ],
    providers: [ConsortiumQueries, ReadingsCheck, Statements, Tariffs],
  },
  public: { module: PublicRoutes, controllers: [PublicController, ProofsController], providers: [AnchorProofs] },
};

@Module({})
export class GatewayModule {
  static of(parts: GatewayParts): DynamicModule {
    const limits = { ...DEFAULT_LIMITS, ...parts.limits };
    const { consortium, public: open } = parts.ledgers;
    const ledgers: [LedgerKind, LedgerParts][] = [
      ['consortium', consortium],
      ...(open === undefined ? [] : [['public', open] satisfies [LedgerKind, LedgerParts]]),
    ];
    const shared: Provider[] = [
      { provide: CRYPTO, useValue: parts.crypto },
      { provide: LOG, useValue: parts.log },
      { provide: CLOCK, useValue: parts.clock },
      { provide: LIMITS, useValue: limits },
      { provide: CONSORTIUM, useValue: consortium },
      { provide: LEDGERS, useValue: ledgers.map(([kind]) => kind) },
      // What is received and decoded is of one process, whichever ledger it is for.
      { provide: Budget, useValue: new Budget(limits.inFlightBytesMax, limits.inFlightRequestsMax) },
    ];
    return {
      module: GatewayModule,
      imports: [
        RouterModule.register(ledgers.map(([kind]) => ({ path: LEDGER_PATHS[kind], module: ROUTES[kind].module }))),
        ...ledgers.map(([kind, ledger]) => ledgerModule(kind, ledger, limits, shared)),
      ],
    };
  }
}

/** The routes of one ledger and all that answers them. */
function ledgerModule(
  kind: LedgerKind,
  { identity, genesisFile, readModels }: LedgerParts,
  limits: GatewayLimits,
  shared: readonly Provider[],
): DynamicModule {
  const { module, controllers, providers } = ROUTES[kind];
  return {
    module,
    controllers: [
      OperationsController,
      BatchesController,
      BlocksController,
      LedgerController,
      ValidatorsController,
      ...controllers,
    ],
    providers: [
      ...shared,
      { provide: IDENTITY, useValue: identity },
      { provide: GENESIS_FILE, useValue: genesisFile },
      { provide: READ_MODELS, useValue: readModels },
      { provide: OPERATIONS_TOPIC, useValue: topicsOf(identity).operations.name },
      { provide: HREFS, useValue: hrefsUnder(LEDGER_PATHS[kind]) },
      { provide: Pending, useValue: new Pending(limits.pendingOperationsMax) },
      { provide: Backlog, useValue: new Backlog(limits.backlogOperationsLeast) },
      BlockStore,
      Health,
      Heights,
      Intake,
      Outcomes,
      PendingFollower,
      Reads,
      ValidatorTable,
      ValidatorWatch,
      ...providers,
    ],
  };
}
