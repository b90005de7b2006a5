import { genesisValidators, outcomeProofFault, proveOutcome } from '@gridtokenx/chain';
import { NOTHING_SIGNED } from '@gridtokenx/consensus';
import type { Signature } from '@gridtokenx/crypto';
import { native } from '@gridtokenx/crypto-native';

import { height as asHeight, fromHex, toBase64Url, toHex } from '@gridtokenx/kernel';
import { ledgerTopics, decodeOutcome, type Operation } from '@gridtokenx/protocol';
import { OwnBlocks, SignerRecords } from '@gridtokenx/runtime';
import {
  MemoryLog,
  memorySignerSlots,
  testConsortium,
  TestSigner,
  tradeOfTheBrief,
  type TestConsortium,
} from '@gridtokenx/testkit';
import { afterEach, describe, expect, it } from '@jest/globals';
import { blocksOn, closeHosts, eventsOf, FAST, run, until } from './hosts.spec.js';
import { readToEnd } from './read-to-end.js';

afterEach(closeHosts);

const brief = (consortium: TestConsortium): Uint8Array[] =>
  tradeOfTheBrief(native, consortium, new TestSigner(native, consortium.identity.ledgerId, Date.now));

describe.each([4, 21])('%i validators in one process', (validators) => {
  it('settle the trade of the brief, and its proof holds', async () => {
    const consortium = testConsortium(native, { validators, timeMs: Date.now() - 1_000, consensus: FAST });
    const log = new MemoryLog();
    const { host, events } = await run(consortium, log, consortium.validatorSeeds, memorySignerSlots());
    await log.append(ledgerTopics.consortium.operations.name, brief(consortium));
    const block = await until('the trade', async () =>
      (await blocksOn(log, consortium)).find((one) => eventsOf([one]).some(({ type }) => type === 'market.traded')),
    );
    const trade = eventsOf([block]).find((event) => event.type === 'market.traded');
    expect(trade).toMatchObject({
      priceTicks: 450,
      quantityWh: '1000000',
      notional: '4500000000',
      buyerFee: '45000000',
      sellerFee: '0',
      feePayee: consortium.ids.operatorAccount,
    });
    const set = genesisValidators(native, consortium.identity.genesis);
    expect(block.block.certificate.signatures.length).toBeGreaterThanOrEqual(set.quorum);
    const operationId = block.results.findLast(({ operationId: id }) => id.some((byte) => byte !== 0))?.operationId;
    if (operationId === undefined) throw new Error('the block has operations');
    const proof = proveOutcome(native, block.block, block.results, operationId);
    if (proof === undefined) throw new Error('the operation is in the block');
    expect(outcomeProofFault(native, consortium.identity.ledgerId, set, proof)).toBeUndefined();
    const altered = { ...proof, outcome: proof.outcome.map((byte, i) => (i === 40 ? byte ^ 1 : byte)) };
    expect(outcomeProofFault(native, consortium.identity.ledgerId, set, altered)).toBe('proof.path');
    expect(events.filter(({ kind }) => kind === 'evidence' || kind === 'quarantined')).toEqual([]);
    expect(toHex(block.tip.stateDigest)).toHaveLength(64);
    expect(host.status.validators).toBe(validators);
  });
});

describe('a host', () => {
  it('goes on after a restart where the chain stands, and signs nothing twice', async () => {
    const consortium = testConsortium(native, { validators: 4, timeMs: Date.now() - 1_000, consensus: FAST });
    const log = new MemoryLog();
    const slots = memorySignerSlots();
    const first = await run(consortium, log, consortium.validatorSeeds, slots);
    await log.append(ledgerTopics.consortium.operations.name, brief(consortium));
    await until('some blocks', () => (first.host.status.height >= 4 ? true : undefined));
    await first.stop();
    const before = await blocksOn(log, consortium);
    const second = await run(consortium, log, consortium.validatorSeeds, slots);
    await until('more blocks', () => (second.host.status.height >= before.length + 3 ? true : undefined));
    const after = await blocksOn(log, consortium);
    expect(after.slice(0, before.length).map(({ tip }) => toHex(tip.hash))).toEqual(
      before.map(({ tip }) => toHex(tip.hash)),
    );
    expect(second.events.filter(({ kind }) => kind === 'evidence' || kind === 'rejoining')).toEqual([]);
    expect(eventsOf(after).filter(({ type }) => type === 'market.traded')).toHaveLength(1);
  });

  it('goes on when all topics were made anew from the blocks, and takes operations from where they now begin', async () => {
    const consortium = testConsortium(native, { validators: 4, timeMs: Date.now() - 1_000, consensus: FAST });
    const [old, anew] = [new MemoryLog(), new MemoryLog()];
    const slots = memorySignerSlots();
    const { operations, blocks } = ledgerTopics.consortium;
    const first = await run(consortium, old, consortium.validatorSeeds, slots);
    // So that the offset which the signer record keeps lies beyond the end of the new topic.
    await old.append(
      operations.name,
      Array.from({ length: 50 }, () => new Uint8Array(3)),
    );
    await until('some blocks', () => (first.host.status.height >= 4 ? true : undefined));
    await first.stop();
    await anew.ensureTopics([blocks]);
    await readToEnd(old, blocks.name, 0, async (records) => {
      await anew.append(
        blocks.name,
        records.map(({ value }) => value),
      );
    });
    const second = await run(consortium, anew, consortium.validatorSeeds, slots);
    await anew.append(operations.name, brief(consortium));
    await until('the trade', async () =>
      eventsOf(await blocksOn(anew, consortium)).some(({ type }) => type === 'market.traded') ? true : undefined,
    );
    expect(second.events.filter(({ kind }) => kind === 'evidence' || kind === 'rejoining')).toEqual([]);
  });

  it('whose signer record is lost votes again only after its rejoin is in a block', async () => {
    const consortium = testConsortium(native, { validators: 4, timeMs: Date.now() - 1_000, consensus: FAST });
    const log = new MemoryLog();
    const [one, ...others] = consortium.validatorSeeds;
    if (one === undefined) throw new Error('there are four');
    const rest = await run(consortium, log, others, memorySignerSlots());
    const lone = await run(consortium, log, [one], memorySignerSlots());
    await until('blocks', () => (lone.host.status.height >= 3 ? true : undefined));
    await lone.stop();
    const wiped = await run(consortium, log, [one], memorySignerSlots());
    await until('the rejoin', () => wiped.events.find(({ kind }) => kind === 'rejoined'));
    expect(wiped.events.map(({ kind }) => kind)).toContain('rejoining');
    const at = wiped.host.status.height;
    await until('blocks after it', () => (rest.host.status.height >= at + 3 ? true : undefined));
    expect(wiped.host.status.height).toBeGreaterThanOrEqual(at);
  });

  it('that died before its first vote has lost nothing when it finds a chain with blocks', async () => {
    const consortium = testConsortium(native, { validators: 4, timeMs: Date.now() - 1_000, consensus: FAST });
    const log = new MemoryLog();
    const [one, ...others] = consortium.validatorSeeds;
    if (one === undefined) throw new Error('there are four');
    const slots = memorySignerSlots();
    await (await run(consortium, log, [one], slots)).stop();
    const begun = await SignerRecords.load(native, slots);
    expect([...begun.loaded.records.values()]).toEqual([NOTHING_SIGNED]);
    const rest = await run(consortium, log, others, memorySignerSlots());
    await until('blocks', () => (rest.host.status.height >= 3 ? true : undefined));
    // The first vote was under way when it died.
    slots.slots[0] = new Uint8Array(9);
    const again = await run(consortium, log, [one], slots);
    const { kid } = await until('its first vote', async () => {
      const { loaded } = await SignerRecords.load(native, slots);
      const [entry] = loaded.records;
      return entry !== undefined && entry[1].height > 0 ? { kid: entry[0] } : undefined;
    });
    expect(kid).toBe(toBase64Url(native.publicKeyOf(one)));
    expect(again.events.filter((event) => event.kind === 'rejoining')).toEqual([]);
  });

  it('whose blocks are nearly too late for their round proposes smaller ones', async () => {
    const consortium = testConsortium(native, {
      validators: 1,
      timeMs: Date.now() - 1_000,
      consensus: { ...FAST, baseTimeoutMs: 4_000, timeoutCapMs: 8_000 },
      limits: { operationsPerBlock: 4_000 },
    });
    const log = new MemoryLog();
    const slots = memorySignerSlots();
    // A disk that makes each block late: PROPOSAL, PREPARE and COMMIT wait for it one after another.
    const slow = {
      ...slots,
      write: async (slot: 0 | 1, bytes: Uint8Array): Promise<void> => {
        await new Promise((resolve) => setTimeout(resolve, 1_100));
        await slots.write(slot, bytes);
      },
    };
    const signer = new TestSigner(native, consortium.identity.ledgerId, Date.now);
    const unknown = Array.from({ length: 1_000 }, (): Operation => ({
      type: 'market.cancelOrder',
      order: '0'.repeat(64),
    }));
    await log.ensureTopics([ledgerTopics.consortium.operations]);
    await log.append(
      ledgerTopics.consortium.operations.name,
      Array.from({ length: 8 }, () => signer.sign(consortium.seeds.trader, unknown)),
    );
    const { events } = await run(consortium, log, consortium.validatorSeeds, slow);
    const sizes = await until('the first two blocks', () => {
      const held = events.flatMap((event) =>
        event.kind === 'decided' && event.operations > 0 ? [event.operations] : [],
      );
      return held.length >= 2 ? held.slice(0, 2) : undefined;
    });
    expect(sizes).toEqual([4_000, 2_000]);
  });

  it('in two processes gives one chain, and garbage on any topic is skipped and counted', async () => {
    const consortium = testConsortium(native, { validators: 7, timeMs: Date.now() - 1_000, consensus: FAST });
    const log = new MemoryLog();
    const left = await run(consortium, log, consortium.validatorSeeds.slice(0, 4), memorySignerSlots());
    const right = await run(consortium, log, consortium.validatorSeeds.slice(4), memorySignerSlots());
    for (const { name } of Object.values(ledgerTopics.consortium))
      await log.append(name, [new Uint8Array(0), new Uint8Array(300).fill(7), fromHex('00') ?? new Uint8Array(1)]);
    await log.append(ledgerTopics.consortium.operations.name, brief(consortium));
    await until('the trade', async () =>
      eventsOf(await blocksOn(log, consortium)).some(({ type }) => type === 'market.traded') ? true : undefined,
    );
    await until('both to stand at one height', () =>
      left.host.status.stateDigest === right.host.status.stateDigest ? true : undefined,
    );
    const topics = new Set(left.events.flatMap((event) => (event.kind === 'skipped' ? [event.topic] : [])));
    expect(topics).toContain(ledgerTopics.consortium.operations.name);
    expect(topics).toContain(ledgerTopics.consortium.consensus.name);
  });

  it('has its blocks read in the same process without decoding them anew, and nothing else is taken for them', async () => {
    const consortium = testConsortium(native, { validators: 4, timeMs: Date.now() - 1_000, consensus: FAST });
    const log = new MemoryLog();
    const ownBlocks = new OwnBlocks();
    const one = await run(consortium, log, consortium.validatorSeeds, memorySignerSlots(), ownBlocks);
    await log.append(ledgerTopics.consortium.operations.name, brief(consortium));
    await until('the trade', async () =>
      eventsOf(await blocksOn(log, consortium)).some(({ type }) => type === 'market.traded') ? true : undefined,
    );
    await one.stop();
    const strangers = await blocksOn(log, consortium);
    const first = strangers[0];
    if (first === undefined) throw new Error('there are blocks');
    const own = ownBlocks.take(first.packed);
    if (own === undefined) throw new Error('the first block was packed here');
    expect(own.envelopes).toEqual(first.envelopes);
    expect(own.results).toEqual(first.results);
    expect(own.block).toEqual(first.block);
    expect(own.told).toEqual(first.block.outcomes.map(({ bytes }) => decodeOutcome(bytes)));
    // Taken once; and a changed byte is another block.
    expect(ownBlocks.take(first.packed)).toBeUndefined();
    ownBlocks.add(first.packed, own);
    expect(ownBlocks.take(first.packed.map((byte, i) => (i === 40 ? byte ^ 1 : byte)))).toBeUndefined();
    const taken = await blocksOn(log, consortium, ownBlocks);
    expect(taken.map((block) => ({ ...block, told: undefined }))).toEqual(strangers);
    // The certificate is checked also for own blocks.
    const { certificate } = first.block;
    const forged = {
      ...certificate,
      signatures: certificate.signatures.map((signed) => ({ ...signed, signature: new Uint8Array(64) as Signature })),
    };
    // Another host packs the same block with the signatures that it has heard.
    const elsewhere = new OwnBlocks();
    const otherwise = { ...first.block, certificate: forged };
    elsewhere.add(undefined, own);
    const [outcome, ...others] = first.block.outcomes;
    if (outcome === undefined) throw new Error('each block has an outcome');
    const altered = [{ ...outcome, bytes: outcome.bytes.map((byte, i) => (i === 9 ? byte ^ 1 : byte)) }, ...others];
    expect(elsewhere.takeOf({ ...otherwise, outcomes: altered })).toBeUndefined();
    expect(elsewhere.takeOf({ ...otherwise, outcomes: others })).toBeUndefined();
    expect(elsewhere.takeOf(otherwise)).toMatchObject({ block: otherwise, told: own.told });
    expect(elsewhere.takeOf(otherwise)).toBeUndefined();
    const lying = new OwnBlocks();
    lying.add(first.packed, { ...own, block: { ...first.block, certificate: forged } });
    expect(await blocksOn(log, consortium, lying)).toEqual([]);
    // How far the reader is behind is known, unless it reads nothing at all.
    const counted = new OwnBlocks();
    const at = (height: number): typeof own => ({
      ...own,
      block: { ...own.block, header: { ...own.block.header, height: asHeight(height) } },
    });
    for (const h of [1, 2, 3]) counted.add(undefined, at(h));
    expect(counted.unread).toBe(3);
    counted.noteRead(2);
    expect(counted.unread).toBe(1);
    counted.noteRead(4);
    counted.add(undefined, at(4));
    expect(counted.unread).toBe(0);
    for (const h of [5, 6, 7, 8, 9, 10, 11]) counted.add(undefined, at(h));
    expect(counted.unread).toBe(7);
    for (const h of [12, 13]) counted.add(undefined, at(h));
    expect(counted.unread).toBe(0);
  });
});
