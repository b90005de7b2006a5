import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { possessionSignBytes } from '@gridtokenx/chain';
import { native } from '@gridtokenx/crypto-native';
import { formatTime, millis, toBase64Url } from '@gridtokenx/kernel';
import { readKeyFile, writeKeyFile } from '@gridtokenx/keystore';
import type { OperationOf } from '@gridtokenx/protocol';
import type { LedgerProcessName } from '../system/layout.js';
import { pause, processOf, revive, until, type World } from './world.js';

// What docs/operations/validators.md tells operators to do, on a system of which a process dies meanwhile.

type Change = OperationOf<'validators.proposeChange'>['change'];

const DOWN_MS = 2_000;
/** Two epochs, and what it takes to decide. */
const SET_WITHIN_MS = 120_000;
const OPEN_FOR_MS = 3_600_000;
const KEY_FILE = '.key.json';

/**
 * A host takes in a second validator of its organisation while another host is dead. The other one rotates a key, dies
 * before that is decided, and comes back when the new key has its turn already. Then the newcomer is suspended by vote, with its
 * own host dead. So as many validators decide in the end as before.
 */
export async function changeValidators(world: World, host: LedgerProcessName, other: LedgerProcessName): Promise<void> {
  const newcomer = await newKey(world, host);
  const admit = await propose(world, { kind: 'admit', validator: newcomer.kid, proof: newcomer.proof });
  await world.system.kill(other);
  await admit();
  await pause(DOWN_MS);
  await revive(world, other);
  await untilSet(world, 'the newcomer', (keys) => keys.includes(newcomer.kid));

  const next = await newKey(world, other);
  const old = await readKeyFile(native, keyFileOf(world, other));
  const rotate = await propose(world, { kind: 'rotateKey', validator: old.kid, key: next.kid, proof: next.proof });
  await world.system.kill(other);
  await rotate();
  await untilSet(world, 'the new key', (keys) => keys.includes(next.kid) && !keys.includes(old.kid));
  await revive(world, other);

  const suspend = await propose(world, { kind: 'suspend', validator: newcomer.kid });
  await world.system.kill(host);
  await suspend();
  await pause(DOWN_MS);
  await revive(world, host);
  await untilSet(world, 'the set without the newcomer', (keys) => !keys.includes(newcomer.kid));
}

const nameIn = (keyFile: string): string => keyFile.slice(0, -KEY_FILE.length);

/** The organisation whose validator a host has had from the start; the first of several. */
function organisationOf(world: World, host: LedgerProcessName): string {
  const [file] = processOf(world, host).keyFiles;
  if (file === undefined) throw new Error(`${host} hosts no validator`);
  return nameIn(file);
}

const keyFileOf = (world: World, host: LedgerProcessName): string =>
  join(world.system.ledger.validatorKeys, `${organisationOf(world, host)}${KEY_FILE}`);

/** A key in the folder of a host, which is started again to find it, registered with the host's organisation. */
async function newKey(world: World, host: LedgerProcessName): Promise<{ kid: string; proof: string }> {
  const { system, load } = world;
  const name = organisationOf(world, host);
  const organisation = system.ledger.directory.organisations[name]?.id ?? '';
  const seed = randomBytes(32);
  const { kid } = await writeKeyFile(
    native,
    join(processOf(world, host).keyFolder ?? '', `${name}-2${KEY_FILE}`),
    seed,
  );
  await system.halt(host);
  await revive(world, host);
  await load.members.carryOut(name, [
    { type: 'registry.registerKey', key: kid, owner: { kind: 'organisation', organisation } },
  ]);
  const shown = possessionSignBytes(system.ledger.identity.ledgerId, organisation, native.publicKeyOf(seed));
  return { kid, proof: toBase64Url(native.sign(shown, seed)) };
}

/** Proposed by one member; what it resolves with lets all others vote for it. */
async function propose({ system, load }: World, change: Change): Promise<() => Promise<void>> {
  const [first = '', ...others] = system.processes.flatMap(({ keyFiles }) => keyFiles.map(nameIn));
  const until = formatTime(millis(Math.floor(Date.now() / 1_000) * 1_000 + OPEN_FOR_MS));
  const [proposed] = await load.members.carryOut(first, [{ type: 'validators.proposeChange', change, until }]);
  const id = proposed?.id ?? '';
  return async () => {
    // The last votes come when it is decided already, and are refused.
    await Promise.all(others.map((one) => load.members.send(one, [{ type: 'validators.approveChange', change: id }])));
  };
}

/** By the blocks that a stranger has proven. */
async function untilSet({ chain }: World, what: string, is: (keys: readonly string[]) => boolean): Promise<void> {
  await until(`the chain names ${what}`, SET_WITHIN_MS, async () => {
    await chain.follow();
    return is(chain.validators) ? true : undefined;
  });
}
