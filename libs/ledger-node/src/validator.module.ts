import { createTransportOptions, LogExceptionFilter, type LogBatch } from '@gridtokenx/nest';
import { topicsOf } from '@gridtokenx/protocol';
import { ValidatorHost, type HostOptions } from '@gridtokenx/runtime';
import { Controller, Inject, Module, type DynamicModule, type LoggerService } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { EventPattern, Payload } from '@nestjs/microservices';
import type { RunningRole } from './role.js';

const HOST = Symbol('ValidatorHost');

/** Hands the records of the bus to the validators of this process. */
@Controller()
export class ValidatorConsumer {
  constructor(@Inject(HOST) private readonly host: ValidatorHost) {}

  @EventPattern('operations')
  operations(@Payload() { topic, records }: LogBatch): Promise<void> {
    return this.host.take(topic, records);
  }

  @EventPattern('consensus')
  consensus(@Payload() { topic, records }: LogBatch): Promise<void> {
    return this.host.take(topic, records);
  }

  @EventPattern('blocks')
  blocks(@Payload() { topic, records }: LogBatch): Promise<void> {
    return this.host.take(topic, records);
  }
}

@Module({})
export class ValidatorModule {
  static with(host: ValidatorHost): DynamicModule {
    return {
      module: ValidatorModule,
      controllers: [ValidatorConsumer],
      providers: [{ provide: HOST, useValue: host }],
    };
  }
}

/** Replays the chain, then votes on it. */
export async function startValidators(options: HostOptions, logger: LoggerService): Promise<RunningRole> {
  const host = await ValidatorHost.start(options);
  const { operations, consensus, blocks } = topicsOf(options.identity);
  let stop!: (error: Error) => void;
  const readingFailed = new Promise<never>((_, reject) => (stop = reject));
  readingFailed.catch(() => {});
  const app = await NestFactory.createMicroservice(ValidatorModule.with(host), {
    logger,
    ...createTransportOptions({
      log: options.log,
      topics: { operations: operations.name, consensus: consensus.name, blocks: blocks.name },
      startOffset: (topic) => host.startOffsets.get(topic) ?? 0,
      onFailure: (topic, cause) => stop(new Error(`reading ${topic} ended`, { cause })),
    }),
  });
  app.useGlobalFilters(new LogExceptionFilter());
  await app.listen();
  return {
    height: () => host.status.height,
    status: () => host.status,
    failed: Promise.race([host.failed, readingFailed]),
    close: async () => {
      host.close();
      await app.close();
    },
  };
}
