import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startTestSystem, type TestSystem } from './fixture.spec.js';
import { playGovernance } from './scenes/governance.js';
import { publicStage } from './scenes/scene.js';

const PACE = { intervalMs: 500, beatMs: 500, fullIntervalMs: 250, baseTimeoutMs: 1_200, timeoutCapMs: 8_000 };

describe('the governance scene of the demo', () => {
  let world: TestSystem;

  beforeAll(async () => {
    world = await startTestSystem('governance', { validators: 4, public: { validators: 7, consensus: PACE } });
  });
  afterAll(async () => {
    await world?.remove();
  });

  it('goes from the text of a policy to its enactment, proven at each step', async () => {
    const ledger = world.system.publicLedger;
    if (ledger === undefined) throw new Error('there is a public ledger');
    const said: string[] = [];
    const shown = await playGovernance(await publicStage(world.system.url, ledger), (line) => said.push(line));
    expect(shown).toMatchObject({ before: 3000, after: 4000, signers: 5, proofVerified: true });
    expect(BigInt(String(shown['ayes']))).toBeGreaterThan(BigInt(String(shown['nays'])));
    expect(said.join('\n')).toContain('referendum 1 is confirming');
  });
});
