import { copyFile, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { LedgerKind } from '@gridtokenx/protocol';

/** Over which processes the validators and the projector are spread. */
export interface Layout {
  /** How many, or how many validators each of them hosts. The keys are dealt out in turns. */
  readonly validatorProcesses: number | readonly number[];
  /** `shared`: in the first of the validator processes, which then hands it the blocks that it has decided. */
  readonly projector: 'own' | 'shared';
}

export const ONE_PROCESS: Layout = { validatorProcesses: 1, projector: 'shared' };

/** A process of a ledger, as the command line of its host says. */
export interface LedgerProcess {
  readonly kind: LedgerKind;
  readonly name: LedgerProcessName;
  readonly roles: readonly ('validator' | 'projector')[];
  readonly keyFolder?: string;
  readonly signerFolder?: string;
  /** Of its snapshots and reports. */
  readonly stateFolder?: string;
  /** Names of the key files of its validators. */
  readonly keyFiles: readonly string[];
}

/** Those of the consortium bear no name of a ledger where there are several: they were there first. */
const PREFIXES = { consortium: '', public: 'public-' } as const satisfies Record<LedgerKind, string>;
type Prefix = (typeof PREFIXES)[LedgerKind];
export type LedgerProcessName = `${LedgerKind}-ledger` | `${Prefix}projector` | `${Prefix}validators-${number}`;

/**
 * Each validator process gets the keys of its own validators in a folder, and a signer record of its own, as the hosts
 * of different organisations have. A folder keeps its layout: a key that moved to another process would leave its
 * signer record behind.
 */
export async function layOut(
  folder: string,
  kind: LedgerKind,
  validatorKeys: string,
  layout: Layout,
): Promise<LedgerProcess[]> {
  const files = (await readdir(validatorKeys)).filter((file) => file.endsWith('.key.json')).sort();
  const hands = dealOut(files, layout.validatorProcesses);
  await keepLayout(folder, hands, layout.projector);
  if (hands.length === 1 && layout.projector === 'shared') {
    const signerFolder = join(folder, 'signer');
    const stateFolder = join(folder, 'state');
    const roles = ['validator', 'projector'] as const;
    const folders = { keyFolder: validatorKeys, signerFolder, stateFolder };
    return [{ kind, name: `${kind}-ledger`, roles, ...folders, keyFiles: files }];
  }
  const processes: LedgerProcess[] = [];
  for (const [i, keyFiles] of hands.entries()) {
    const name = `${PREFIXES[kind]}validators-${i + 1}` as const;
    const keyFolder = join(folder, 'hosts', name, 'keys');
    await rm(keyFolder, { recursive: true, force: true });
    await mkdir(keyFolder, { recursive: true, mode: 0o700 });
    for (const file of keyFiles) await copyFile(join(validatorKeys, file), join(keyFolder, file));
    processes.push({
      kind,
      name,
      roles: i === 0 && layout.projector === 'shared' ? ['validator', 'projector'] : ['validator'],
      keyFolder,
      signerFolder: join(folder, 'hosts', name, 'signer'),
      stateFolder: join(folder, 'hosts', name, 'state'),
      keyFiles,
    });
  }
  if (layout.projector === 'own')
    processes.push({ kind, name: `${PREFIXES[kind]}projector`, roles: ['projector'], keyFiles: [] });
  return processes;
}

function dealOut(files: readonly string[], wanted: number | readonly number[]): string[][] {
  const refusal = `${files.length} validators cannot be spread over processes as ${JSON.stringify(wanted)}`;
  if (![wanted].flat().every((count) => Number.isSafeInteger(count) && count > 0)) throw new Error(refusal);
  const room =
    typeof wanted === 'number' ? Array.from({ length: wanted }, () => Math.ceil(files.length / wanted)) : wanted;
  const hands = room.map((): string[] => []);
  let left = [...files];
  while (left.length > 0) {
    const open = hands.filter((hand, i) => hand.length < (room[i] ?? 0));
    if (open.length === 0) break;
    for (const [i, hand] of open.entries()) hand.push(...left.slice(i, i + 1));
    left = left.slice(open.length);
  }
  if (left.length > 0 || hands.some((hand) => hand.length === 0)) throw new Error(refusal);
  return hands;
}

async function keepLayout(folder: string, hands: readonly string[][], projector: Layout['projector']): Promise<void> {
  await mkdir(folder, { recursive: true });
  const file = join(folder, 'layout.json');
  const text = `${JSON.stringify({ validators: hands, projector })}\n`;
  const known = await readFile(file, 'utf8').catch(() => undefined);
  if (known === undefined) await writeFile(file, text);
  else if (known !== text) throw new Error(`the system in ${folder} is laid out as ${known}, not as ${text}`);
}
