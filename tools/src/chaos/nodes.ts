import type { RunningSystem, ServiceName } from '../system/system.js';
import type { World } from './world.js';

/** What a ledger process says of itself. */
export interface NodeStatus {
  readonly name: string;
  readonly height: number;
  /** Height of the snapshot that it began at, 0 for the genesis; of validators only. */
  readonly beganAt: number | undefined;
  /** Hex; of validators only. */
  readonly stateDigest: string | undefined;
  readonly waitingOperations: number;
  readonly rejoining: number;
}

/** Asks every process of the ledger; rejects when one does not answer. */
export const nodeStatuses = ({ system, validators, projector }: World): Promise<NodeStatus[]> =>
  Promise.all([...validators, projector].map((name) => nodeStatus(system, name)));

export async function nodeStatus(system: RunningSystem, name: ServiceName): Promise<NodeStatus> {
  const url = system.statusUrl(name);
  if (url === undefined) throw new Error(`${name} does not run`);
  const answer = await fetch(url, { signal: AbortSignal.timeout(2_000) });
  const { validator, projector } = (await answer.json()) as { validator?: Role; projector?: Role };
  return {
    name,
    height: Math.min(...[validator, projector].flatMap((role) => (role === undefined ? [] : [role.height]))),
    beganAt: validator?.beganAt,
    stateDigest: validator?.stateDigest,
    waitingOperations: validator?.waitingOperations ?? 0,
    rejoining: validator?.rejoining ?? 0,
  };
}

interface Role {
  readonly height: number;
  readonly beganAt?: number;
  readonly stateDigest?: string;
  readonly waitingOperations?: number;
  readonly rejoining?: number;
}
