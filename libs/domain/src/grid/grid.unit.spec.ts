import { describe, expect, it } from '@jest/globals';
import { gridAmount } from '@gridtokenx/testkit';
import { keyOf, PublicWorld } from '../spec/public-world.spec.js';

describe('GRID', () => {
  it('moves GRID between named accounts and collects fees', () => {
    const world = new PublicWorld({ accounts: { ann: 100, bob: 100 } });
    const [transferred] = world.must('ann', { type: 'grid.transfer', to: keyOf('bob'), amount: gridAmount(1) });
    expect(transferred).toMatchObject({ type: 'grid.transferred' });
    expect(world.available('bob')).toBe(101_000_000n);
    expect(world.available('ann')).toBeLessThan(99_000_000n);
  });
});
