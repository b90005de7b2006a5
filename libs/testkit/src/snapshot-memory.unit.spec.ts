import { snapshotStoreContract } from '../../runtime/src/snapshot-store.contract.js';
import { MemorySnapshots } from './snapshot-memory.js';

snapshotStoreContract('memory', () => {
  const store = new MemorySnapshots();
  return Promise.resolve({ open: () => Promise.resolve(store), end: () => Promise.resolve() });
});
