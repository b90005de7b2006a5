/** What the two sides of a {@link CheckerPool} tell each other. The buffers change hands, nothing is copied. */
export interface CheckRequest {
  readonly id: number;
  /** The envelopes, end to end. */
  readonly bytes: ArrayBuffer;
  readonly lengths: Uint32Array<ArrayBuffer>;
}

export type CheckAnswer =
  | { readonly id: number; readonly findings: Uint8Array<ArrayBuffer>; readonly verifications: number }
  /** A bug of the check itself: no envelope may cause one. */
  | { readonly id: number; readonly failure: string };
