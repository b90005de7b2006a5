import { formatTime, millis, toBase64Url, toHex } from '@gridtokenx/kernel';
import { signEnvelope } from '@gridtokenx/protocol';
import { describe, expect, it } from '@jest/globals';
import { Simulation } from './simulation.js';

/** A world without faults at some height, all validators there. */
async function worldAt(height: number, seed = 1): Promise<Simulation> {
  const world = new Simulation({ seed, validators: 4, isCalm: true });
  world.start();
  expect(await world.until(() => world.lowest() >= height, 60_000)).toBe(true);
  return world;
}

describe('a schedule that broke an earlier version', () => {
  it('an envelope that a leader kept to itself is had again after a power cut', async () => {
    const world = await worldAt(3);
    const open = world.lowest() + 1;
    const leader = open % 4;
    const { crypto, identity, timeline, network, checker, nodes, members } = world;
    const seed = members[leader]?.seeds[0] ?? new Uint8Array(32);
    const key = toBase64Url(crypto.publicKeyOf(seed));
    const secret = signEnvelope(crypto, seed, identity.ledgerId, {
      sequence: 1,
      validUntil: formatTime(millis(timeline.now + 600_000)),
      atomic: false,
      operations: [{ type: 'validators.rejoin', validator: key, nonce: '5'.repeat(64) }],
    });
    world.whisper(leader, secret);
    // Everyone has it from the leader and prepares its block; nobody hears that it is decided.
    network.filter = ({ type, height }) => type !== 'commit' || height < open;
    expect(await world.until(() => checker.signersAt(open, 'commit').size === 4, 60_000)).toBe(true);
    for (const node of nodes) node.crash();
    network.heal();
    const others = nodes.filter(({ index }) => index !== leader);
    for (const node of others) node.start();
    expect(await world.until(() => world.lowest(others) > open, 60_000)).toBe(true);
    expect(world.violations).toEqual([]);
    expect(checker.usedEnvelopes.has(toHex(crypto.sha256(secret)))).toBe(true);
  });
});
