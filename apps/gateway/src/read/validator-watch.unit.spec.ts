import { toBase64Url } from '@gridtokenx/kernel';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { z } from 'zod';
import type { Gateway } from '../create-gateway.js';
import { newWorld, ORGANISATION, tick, type World } from '../fixture.spec.js';
import * as schemas from '../openapi/schemas.js';
import { ValidatorWatch } from './validator-watch.js';

let world: World;
let gateway: Gateway;
let watch: ValidatorWatch;
beforeEach(async () => {
  world = newWorld();
  gateway = await world.gateway();
  watch = gateway.app.get(ValidatorWatch);
  await settled();
});
afterEach(() => world.close());

/** Until what was appended and projected has reached the watch. */
async function settled(): Promise<void> {
  for (let i = 0; i < 20; i++) await tick();
}

type Validator = z.output<typeof schemas.validator>;

async function table(query = ''): Promise<z.output<typeof schemas.validatorsAnswer>> {
  const { statusCode, payload } = await gateway.app.inject({ method: 'GET', url: `/v1/validators${query}` });
  expect(statusCode).toBe(200);
  return schemas.validatorsAnswer.parse(JSON.parse(payload));
}
const items = async (): Promise<Validator[]> => (await table()).items;
const kidOf = (validator: number): string => toBase64Url(world.set.keys[validator] ?? new Uint8Array(0));

/** The votes of these validators, and then the block, whose certificate the first three sign. */
async function decide(voters: readonly number[]): Promise<void> {
  const height = world.readModels.blockList.length + 1;
  for (const validator of voters) await world.vote(validator, 'prepare', { height });
  await settled();
  world.decide([]);
  await settled();
}

describe('the table of validators', () => {
  it('shows who is silent, and nobody else', async () => {
    // Validator 3 is well: it PREPAREs, though no certificate has room for its COMMIT.
    for (let height = 1; height <= 4; height++) await decide([0, 1, 2, 3]);
    expect((await items()).map(({ missedVotes, observedBlocks }) => [missedVotes, observedBlocks])).toEqual([
      [0, 2],
      [0, 2],
      [0, 2],
      [0, 2],
    ]);
    for (let height = 5; height <= 10; height++) await decide([0, 1, 2]);
    const answer = await table();
    expect(answer).toMatchObject({ height: 10, epoch: 0, window: 10 });
    expect(answer.items.map(({ missedVotes }) => missedVotes)).toEqual([0, 0, 0, 5]);
    expect(answer.items[3]).toMatchObject({
      kid: kidOf(3),
      organisation: ORGANISATION,
      status: 'active',
      index: 3,
      height: 4,
      round: 0,
      lastVote: 'prepare',
      memberBlocks: 10,
      signedBlocks: 0,
      signedShare: 0,
      observedBlocks: 8,
    });
    expect(answer.items[0]).toMatchObject({ height: 10, signedBlocks: 10, signedShare: 10_000, lastSignedHeight: 10 });
  });

  it('counts a vote that comes when the block is final already, until the next one is', async () => {
    await decide([0, 1, 2, 3]);
    await decide([0, 1, 2]);
    await world.vote(3, 'commit', { height: 2 });
    await settled();
    await decide([0, 1, 2]);
    await decide([0, 1, 2, 3]);
    // Height 2 came late and counts; height 3 never came, and now is too late for it.
    await world.vote(3, 'commit', { height: 3 });
    await settled();
    expect((await items())[3]).toMatchObject({ observedBlocks: 2, missedVotes: 1, height: 4, lastVote: 'prepare' });
  });

  it('believes no message whose signature does not hold, of another ledger, or of nobody', async () => {
    await decide([0, 1, 2]);
    await world.vote(3, 'prepare', { height: 2 }, { signer: 0 });
    await world.vote(3, 'prepare', { height: 2 }, { ledgerId: 'gridtokenx-other-00000000' });
    await world.vote(4, 'prepare', { height: 2 });
    await world.vote(3, 'prepare', { height: 2, epoch: 5 });
    await world.log.append('consortium.consensus', [new Uint8Array([1, 2, 3])]);
    await decide([0, 1, 2]);
    await decide([0, 1, 2]);
    expect((await items()).map(({ lastVote, missedVotes }) => [lastVote, missedVotes])).toEqual([
      ['prepare', 0],
      ['prepare', 0],
      ['prepare', 0],
      [undefined, 1],
    ]);
    await world.vote(3, 'commit', { height: 4, round: 2 });
    await settled();
    expect((await items())[3]).toMatchObject({ lastVote: 'commit', height: 4, round: 2 });
    // What is older, or sent again, is no step back.
    await world.vote(3, 'prepare', { height: 4, round: 2 });
    await settled();
    expect((await items())[3]).toMatchObject({ lastVote: 'commit', height: 4, round: 2 });
  });

  it('remembers no more than the last heights and the next ones, whatever is sent', async () => {
    for (let height = 1; height <= 200; height++) await world.vote(3, 'prepare', { height });
    await settled();
    const remembered = (): number =>
      Array.from({ length: 400 }, (_, height) => height).filter((height) => watch.voted(height, kidOf(3))).length;
    expect(remembered()).toBe(64);
    expect((await items())[3]).toMatchObject({ height: 64 });
    for (let height = 1; height <= 180; height++) {
      world.decide([]);
      await world.vote(3, 'prepare', { height: height + 1 });
      await settled();
    }
    // 100 before the tip, the tip, and the next.
    expect(remembered()).toBe(102);
  });

  it('is paged, and told apart by status', async () => {
    const first = await table('?limit=3');
    expect(first.items.map(({ index }) => index)).toEqual([0, 1, 2]);
    expect(first.next).toBe(kidOf(2));
    const second = await table(`?limit=3&cursor=${first.next}`);
    expect(second.items.map(({ index }) => index)).toEqual([3]);
    expect(second.next).toBeUndefined();
    expect((await table('?status=former')).items).toEqual([]);
    world.readModels.suspended.add(kidOf(1));
    expect((await table('?status=suspended')).items).toMatchObject([{ kid: kidOf(1), status: 'suspended', index: 1 }]);
    expect((await table('?status=active')).items.map(({ index }) => index)).toEqual([0, 2, 3]);
    const { statusCode, payload } = await gateway.app.inject({ method: 'GET', url: '/v1/validators?cursor=x' });
    expect([statusCode, JSON.parse(payload).code]).toEqual([400, 'query.invalid']);
  });

  it('claims to have heard nothing of the heights during which it stood too far back', async () => {
    await decide([0, 1, 2, 3]);
    expect(watch.fromHeight).toBe(2);
    await watch.moveTo(65);
    expect(watch.fromHeight).toBe(2);
    await watch.moveTo(130);
    expect(watch.fromHeight).toBe(131);
  });

  it('hears the first votes of an epoch once it knows who decides there', async () => {
    // Epochs of this ledger are of 1,000 heights: 1,001 is the first of the second.
    await watch.moveTo(1_000);
    await world.vote(0, 'prepare', { height: 1_000 });
    await world.vote(1, 'prepare', { height: 1_001, epoch: 1 });
    await world.vote(2, 'prepare', { height: 1_001, epoch: 0 });
    await settled();
    expect([watch.voted(1_000, kidOf(0)), watch.voted(1_001, kidOf(1))]).toEqual([true, false]);
    await watch.moveTo(1_001);
    expect([watch.voted(1_001, kidOf(1)), watch.voted(1_001, kidOf(2))]).toEqual([true, false]);
    await world.vote(2, 'commit', { height: 1_001, epoch: 1 });
    await settled();
    expect(watch.last(kidOf(2))).toMatchObject({ height: 1_001, type: 'commit' });
    expect(watch.fromHeight).toBe(1_001);
    await watch.moveTo(2_010);
    expect(watch.fromHeight).toBe(2_011);
  });

  it('tells only what its own gateway heard since it started', async () => {
    await decide([0, 1, 2, 3]);
    await decide([0, 1, 2, 3]);
    await decide([0, 1, 2, 3]);
    const other = await world.gateway();
    await settled();
    expect(other.app.get(ValidatorWatch).last(kidOf(0))).toBeUndefined();
    expect(watch.last(kidOf(0))).toMatchObject({ height: 3 });
  });
});
