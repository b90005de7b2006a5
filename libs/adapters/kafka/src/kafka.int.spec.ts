import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { logContract } from '../../../runtime/src/log.contract.js';
import { startBroker } from '../../../../tools/kafka/broker.mjs';
import { createKafkaLog, deleteTopics } from './log.js';
import { FETCH_WAIT_MS } from './topic-reader.js';

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

  describe('a topic of Kafka that is deleted and made anew', () => {
    it('is read from its beginning by whoever has read the old one, whether it is shorter or longer', async () => {
      const folder = await mkdtemp(join(tmpdir(), 'gridtokenx-kafka-'));
      const broker = await startBroker({ folder });
      const options = { brokers: [broker.brokers], clientId: 'anew' };
      const log = createKafkaLog(options);
      const texts = (from: string, count: number): Buffer[] =>
        Array.from({ length: count }, (_, n) => Buffer.from(`${from}${n}`));
      const readAnew = async (topic: string, count: number): Promise<void> => {
        await log.ensureTopics([{ name: topic }]);
        await log.append(topic, texts('old', 6));
        const read: string[] = [];
        const reader = log.subscribe(topic, 0, async (records) => {
          read.push(...records.map(({ value }) => Buffer.from(value).toString()));
        });
        const holds = async (records: number): Promise<void> => {
          while (read.length < records) await new Promise((done) => setTimeout(done, 20));
        };
        await holds(6);
        await deleteTopics(options, [topic]);
        // No fetch waits any longer from before: the reader has found out that its topic is gone.
        await new Promise((done) => setTimeout(done, 2 * FETCH_WAIT_MS));
        await log.ensureTopics([{ name: topic }]);
        const writer = createKafkaLog(options);
        await writer.append(topic, texts('new', count));
        await holds(6 + count);
        await log.append(topic, texts('later', 1));
        await holds(6 + count + 1);
        expect(read).toEqual([...texts('old', 6), ...texts('new', count), ...texts('later', 1)].map(String));
        await reader.close();
        await writer.close();
      };
      await Promise.all([readAnew('shorter', 3), readAnew('longer', 9)]);
      await log.close();
      await broker.stop();
      await rm(folder, { recursive: true, force: true });
    });
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
