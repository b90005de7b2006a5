import { checkHealth, type HealthProbe } from '@gridtokenx/nest';
import { formatTime, millis } from '@gridtokenx/kernel';
import type { LedgerIdentity } from '@gridtokenx/protocol';
import type { Clock, CursorView, Log, LedgerReads } from '@gridtokenx/runtime';
import { Inject, Injectable } from '@nestjs/common';
import type { z } from 'zod';
import type { healthAnswer } from '../openapi/schemas.js';
import { CLOCK, IDENTITY, LOG, OPERATIONS_TOPIC, READ_MODELS } from '../parts.js';
import { Pending } from '../write/pending.js';

class WrongLedgerError extends Error {
  readonly code = 'readModels.wrongLedger';
}

@Injectable()
export class Health {
  constructor(
    @Inject(IDENTITY) private readonly identity: LedgerIdentity,
    @Inject(LOG) private readonly log: Log,
    @Inject(READ_MODELS) private readonly readModels: LedgerReads,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(OPERATIONS_TOPIC) private readonly topic: string,
    @Inject(Pending) private readonly pending: Pending,
  ) {}

  async report(): Promise<z.input<typeof healthAnswer>> {
    let cursor: CursorView | undefined;
    const database: HealthProbe = {
      name: 'database',
      check: async () => {
        cursor = await this.readModels.cursor();
        if (cursor.ledgerId !== this.identity.ledgerId) throw new WrongLedgerError(cursor.ledgerId);
        return {};
      },
    };
    const bus: HealthProbe = { name: 'bus', check: async () => ({ operationsEnd: await this.log.end(this.topic) }) };
    const { status, checks } = await checkHealth([database, bus]);
    return {
      status,
      ledgerId: this.identity.ledgerId,
      ...(cursor === undefined ? {} : this.standing(cursor)),
      pendingOperations: this.pending.operationCount,
      checks,
    };
  }

  private standing({ height, timeMs }: CursorView): { height: number; time: string; lagMs: number } {
    return { height, time: formatTime(millis(timeMs)), lagMs: Math.round(this.clock.now() - timeMs) };
  }
}
