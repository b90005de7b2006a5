import type { SignerSlots } from '@gridtokenx/runtime';

/** The two slots in memory: survive a restart of the host, not of the process. */
export function memorySignerSlots(): SignerSlots & { readonly slots: (Uint8Array | undefined)[] } {
  const slots: (Uint8Array | undefined)[] = [undefined, undefined];
  return {
    slots,
    read: async (slot) => slots[slot]?.slice(),
    write: async (slot, bytes) => {
      slots[slot] = bytes.slice();
    },
  };
}
