import { describe, expect, it } from '@jest/globals';
import { ledgerOperations } from './ledgers.js';
import { OPERATION_TYPES } from './operations.js';

describe('the operations of the ledgers', () => {
  it('are all: none is of no ledger', () => {
    const taken = new Set([...ledgerOperations.consortium, ...ledgerOperations.public]);
    expect(OPERATION_TYPES.filter((type) => !taken.has(type))).toEqual([]);
  });
});
