import { createEmbeddedLog } from '@gridtokenx/embedded-log';
import { createKafkaLog } from '@gridtokenx/kafka';
import type { Log } from '@gridtokenx/runtime';

export type Bus =
  | { readonly kind: 'embedded'; readonly databaseUrl: string }
  | { readonly kind: 'kafka'; readonly brokers: readonly string[] };

/** `clientId` names this process to the brokers. */
export const openBus = (bus: Bus, clientId: string): Log =>
  bus.kind === 'kafka'
    ? createKafkaLog({ brokers: [...bus.brokers], clientId })
    : createEmbeddedLog({ connectionString: bus.databaseUrl });
