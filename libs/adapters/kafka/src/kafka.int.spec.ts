import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { logContract } from '../../../runtime/src/log.contract.js';
import { startBroker } from '../../../../tools/kafka/broker.mjs';
import { createKafkaLog } from './log.js';

if (process.env['KAFKA_LIBS'] === undefined) {
  process.stdout.write('Kafka is NOT tested: KAFKA_LIBS names no folder with the jars of a broker\n');
  it.todo('keeps the promises of the Log port on Kafka (KAFKA_LIBS is not set)');
} else {
  logContract('Kafka', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'gridtokenx-kafka-'));
    let broker = await startBroker({ folder });
    const address = broker.brokers;
    const port = Number(address.split(':')[1]);

    /** The beginning of a Produce request whose rest never comes. */
    async function halfAnAppend(topic: string): Promise<Socket> {
      const socket = connect({ host: '127.0.0.1', port });
      socket.on('error', () => undefined);
      await new Promise<void>((done) => socket.once('connect', () => done()));
      const head = Buffer.alloc(12);
      head.writeInt32BE(100_000, 0); // so many bytes would follow
      head.writeInt16BE(0, 4); // Produce
      head.writeInt16BE(7, 6);
      await new Promise<void>((done) => socket.write(Buffer.concat([head, Buffer.from(topic)]), () => done()));
      return socket;
    }

    return {
      open: () => createKafkaLog({ brokers: [address], clientId: 'contract' }),
      async stallWriter(topic) {
        const socket = await halfAnAppend(topic);
        return { end: async () => void socket.destroy() };
      },
      async killWriter(topic) {
        (await halfAnAppend(topic)).destroy();
      },
      restart: () => broker.restart(),
      async killAndStart() {
        await broker.kill();
        broker = await startBroker({ folder, port });
      },
      async stop() {
        await broker.stop();
        await rm(folder, { recursive: true, force: true });
      },
    };
  });

  describe('an idle connection to Kafka', () => {
    it('runs next to no timers', async () => {
      const folder = await mkdtemp(join(tmpdir(), 'gridtokenx-kafka-'));
      const broker = await startBroker({ folder });
      const log = createKafkaLog({ brokers: [broker.brokers], clientId: 'idle' });
      await log.ensureTopics([{ name: 'idle' }]);
      await log.append('idle', [Buffer.from('x')]);
      await new Promise<void>((done) => {
        log.subscribe('idle', 0, async () => done());
      });
      const idleMs = 2_000;
      const original = globalThis.setTimeout;
      let timers = 0;
      const counting = (...args: Parameters<typeof setTimeout>): NodeJS.Timeout => {
        timers++;
        return original(...args);
      };
      globalThis.setTimeout = Object.assign(counting, original);
      await new Promise<void>((done) => original(done, idleMs));
      globalThis.setTimeout = original;
      process.stdout.write(`Kafka: ${timers} timers in ${idleMs} ms on a writer and a reader that are idle\n`);
      expect(timers).toBeLessThan(10);
      await log.close();
      await broker.stop();
      await rm(folder, { recursive: true, force: true });
    });
  });
}
