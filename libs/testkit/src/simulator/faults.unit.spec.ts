import { describe, expect, it } from '@jest/globals';
import { Faults } from './faults.js';
import type { ValidatorNode } from './nodes.js';

const node = (isLiar: boolean, isLost: boolean, skew: number): ValidatorNode =>
  ({ isLiar, isLost, isBarred: false, clock: { skew }, members: [{}] }) as unknown as ValidatorNode;

describe('what counts towards f for liveness', () => {
  it('is who lies, whose record is lost, and whose clock is off by more than 5 s, together and each once (C18)', () => {
    const honest = [node(false, false, 0), node(false, false, 5_000), node(false, false, -5_000)];
    expect(Faults.counted(honest)).toBe(0);
    const faulty = [node(true, false, 0), node(false, true, 0), node(false, false, 5_001), node(false, false, -30_000)];
    expect(Faults.counted([...honest, ...faulty])).toBe(4);
    expect(Faults.counted([node(true, true, 30_000)])).toBe(1);
  });
});
