/** One role of this process: validator or projector. */
export interface RunningRole {
  /** The last block it has worked in. */
  height(): number;
  /** How it stands, as JSON. */
  status(): Readonly<Record<string, unknown>>;
  /** Rejects when the role cannot go on; the process then stops and is started again. */
  readonly failed: Promise<never>;
  close(): Promise<void>;
}
