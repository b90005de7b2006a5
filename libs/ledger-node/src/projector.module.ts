import { createTransportOptions, LogExceptionFilter, type LogBatch } from '@gridtokenx/nest';
import { topicsOf } from '@gridtokenx/protocol';
import { Projector, type ProjectorOptions } from '@gridtokenx/runtime';
import { Controller, Inject, Module, type DynamicModule, type LoggerService } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { EventPattern, Payload } from '@nestjs/microservices';
import type { RunningRole } from './role.js';

const PROJECTOR = Symbol('Projector');

/** Hands certified blocks to the projector. */
@Controller()
export class ProjectorConsumer {
  constructor(@Inject(PROJECTOR) private readonly projector: Projector) {}

  @EventPattern('blocks')
  blocks(@Payload() { records }: LogBatch): Promise<void> {
    return this.projector.take(records);
  }
}

@Module({})
export class ProjectorModule {
  static with(projector: Projector): DynamicModule {
    return {
      module: ProjectorModule,
      controllers: [ProjectorConsumer],
      providers: [{ provide: PROJECTOR, useValue: projector }],
    };
  }
}

/** Keeps the rows of the read models up to the last block. */
export async function startProjector(options: ProjectorOptions, logger: LoggerService): Promise<RunningRole> {
  const { projector, startOffset } = await Projector.start(options);
  let stop!: (error: Error) => void;
  const failed = new Promise<never>((_, reject) => (stop = reject));
  failed.catch(() => {});
  const app = await NestFactory.createMicroservice(ProjectorModule.with(projector), {
    logger,
    ...createTransportOptions({
      log: options.log,
      topics: { blocks: topicsOf(options.identity).blocks.name },
      startOffset: () => startOffset,
      onFailure: (topic, cause) => stop(new Error(`projecting ${topic} ended`, { cause })),
    }),
  });
  app.useGlobalFilters(new LogExceptionFilter());
  await app.listen();
  return {
    height: () => projector.height,
    status: () => ({ height: projector.height }),
    failed,
    close: async () => {
      projector.close();
      await app.close();
    },
  };
}
