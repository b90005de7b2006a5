/** What a host tells whoever watches it: counted as metrics, logged, asserted in tests. Validators by key id. */
export type HostEvent =
  | {
      readonly kind: 'decided';
      readonly height: number;
      readonly round: number;
      readonly operations: number;
      readonly rejected: number;
      readonly signers: number;
      /** From the block's time to its certificate. */
      readonly ageMs: number;
      readonly executeMs: number;
    }
  | {
      readonly kind: 'snapshotTaken';
      readonly height: number;
      readonly rows: number;
      /** Of all parts, compressed. */
      readonly bytes: number;
      /** The longest that a block may have had to wait for the checkpoint or its snapshot. */
      readonly longestSliceMs: number;
    }
  | { readonly kind: 'snapshotGivenUp'; readonly height: number; readonly reason: string }
  | { readonly kind: 'snapshotFetched'; readonly height: number }
  | { readonly kind: 'snapshotRefused'; readonly height: number; readonly reason: string }
  | { readonly kind: 'quarantined'; readonly height: number; readonly reason: string }
  | { readonly kind: 'evidence'; readonly validator: string; readonly height: number; readonly round: number }
  /** A key that is hosted here begins to sign with this height, or ends before it. */
  | { readonly kind: 'joined' | 'left'; readonly validator: string; readonly height: number }
  | { readonly kind: 'skipped'; readonly topic: string; readonly reason: string }
  | { readonly kind: 'busFailed'; readonly topic: string; readonly reason: string }
  | { readonly kind: 'rejoining'; readonly validator: string; readonly why: string }
  | { readonly kind: 'rejoined'; readonly validator: string; readonly height: number };
