import { setFlagsFromString } from 'node:v8';

/** Of the engine; see bench/README.md for what it gave. */
export const GARBAGE_FLAG = '--external-memory-accounted-in-global-limit';

/**
 * For a process that holds a state: called before it takes any in. Buffers lie outside of the engine's heap, and by default
 * each 64 MB of them make it mark all objects there are, at once and on the thread that asked for the buffer, though the heap
 * may be far from any limit: the blocks of a large ledger then stand still for seconds. With this they count like objects, towards
 * the one limit that grows with what there is.
 */
export const countBuffersAsHeap = (): void => setFlagsFromString(GARBAGE_FLAG);
