import { topicsOf } from '@gridtokenx/protocol';
import { Module } from '@nestjs/common';
import type { DynamicModule } from '@nestjs/common';
import { AccountsController } from './controllers/accounts.controller.js';
import { BatchesController } from './controllers/batches.controller.js';
import { BlocksController } from './controllers/blocks.controller.js';
import { LedgerController } from './controllers/ledger.controller.js';
import { MarketsController } from './controllers/markets.controller.js';
import { OperationsController } from './controllers/operations.controller.js';
import { ValidatorsController } from './controllers/validators.controller.js';
import {
  CLOCK,
  CRYPTO,
  DEFAULT_LIMITS,
  GENESIS_FILE,
  IDENTITY,
  LIMITS,
  LOG,
  OPERATIONS_TOPIC,
  READ_MODELS,
  type GatewayParts,
} from './parts.js';
import { BlockStore } from './read/block-store.js';
import { Health } from './read/health.js';
import { Heights } from './read/heights.js';
import { Outcomes } from './read/outcomes.js';
import { Reads } from './read/reads.js';
import { ValidatorTable } from './read/validator-table.js';
import { ValidatorWatch } from './read/validator-watch.js';
import { Backlog } from './write/backlog.js';
import { Budget } from './write/budget.js';
import { Intake } from './write/intake.js';
import { PendingFollower } from './write/pending-follower.js';
import { Pending } from './write/pending.js';

@Module({})
export class GatewayModule {
  static of(parts: GatewayParts): DynamicModule {
    const limits = { ...DEFAULT_LIMITS, ...parts.limits };
    return {
      module: GatewayModule,
      controllers: [
        OperationsController,
        BatchesController,
        AccountsController,
        MarketsController,
        BlocksController,
        LedgerController,
        ValidatorsController,
      ],
      providers: [
        { provide: IDENTITY, useValue: parts.identity },
        { provide: GENESIS_FILE, useValue: parts.genesisFile },
        { provide: CRYPTO, useValue: parts.crypto },
        { provide: LOG, useValue: parts.log },
        { provide: READ_MODELS, useValue: parts.readModels },
        { provide: CLOCK, useValue: parts.clock },
        { provide: OPERATIONS_TOPIC, useValue: parts.operationsTopic ?? topicsOf(parts.identity).operations.name },
        { provide: LIMITS, useValue: limits },
        { provide: Pending, useValue: new Pending(limits.pendingOperationsMax) },
        { provide: Backlog, useValue: new Backlog(limits.backlogOperationsLeast) },
        { provide: Budget, useValue: new Budget(limits.inFlightBytesMax, limits.inFlightRequestsMax) },
        BlockStore,
        Health,
        Heights,
        Intake,
        Outcomes,
        PendingFollower,
        Reads,
        ValidatorTable,
        ValidatorWatch,
      ],
    };
  }
}
