import { possessionSignBytes, validatorSet, type ChainTip } from '@gridtokenx/chain';
import { signBytesOf, type ConsensusMessage, type UnsignedMessage } from '@gridtokenx/consensus';
import { native } from '@gridtokenx/crypto-native';
import { formatTime, millis, toBase64Url, utf8 } from '@gridtokenx/kernel';
import { ledgerTopics, type LedgerEvent, type Operation, type ValidatorChange } from '@gridtokenx/protocol';
import { MemoryLog, memorySignerSlots, testConsortium, TestSigner, type TestConsortium } from '@gridtokenx/testkit';
import { afterEach, describe, expect, it } from '@jest/globals';
import { messageFrame, packFrames } from './consensus-frames.js';
import { blocksOn, closeHosts, eventsOf, FAST, run, until, type Running } from './hosts.spec.js';

afterEach(closeHosts);

const kidOf = (seed: Uint8Array): string => toBase64Url(native.publicKeyOf(seed));
const seedOf = (name: string): Uint8Array => native.sha256(utf8(name));

class Network {
  readonly consortium: TestConsortium;
  readonly log = new MemoryLog();
  private readonly signer: TestSigner;

  constructor(validators: number) {
    const consensus = { ...FAST, epochBlocks: 5 };
    this.consortium = testConsortium(native, { validators, timeMs: Date.now() - 1_000, consensus });
    this.signer = new TestSigner(native, this.ledgerId, Date.now);
  }

  get ledgerId(): string {
    return this.consortium.identity.ledgerId;
  }

  get seeds(): readonly Uint8Array[] {
    return this.consortium.validatorSeeds;
  }

  /** By the organisation that all validators belong to, so that its vote decides. */
  async ask(...operations: readonly Operation[]): Promise<void> {
    const bytes = this.signer.sign(this.consortium.seeds.regulator, operations);
    await this.log.append(ledgerTopics.consortium.operations.name, [bytes]);
  }

  propose(change: ValidatorChange): Operation {
    const inAnHour = millis(Math.floor(Date.now() / 1_000) * 1_000 + 3_600_000);
    return { type: 'validators.proposeChange', change, until: formatTime(inAnHour) };
  }

  /** Registers the key with the validators' organisation, and shows that it is held. */
  registered(seed: Uint8Array): { readonly key: string; readonly proof: string; readonly registration: Operation } {
    const organisation = this.consortium.identity.genesis.validators[0]?.organisation ?? '';
    const key = kidOf(seed);
    const bytes = possessionSignBytes(this.ledgerId, organisation, native.publicKeyOf(seed));
    return {
      key,
      proof: toBase64Url(native.sign(bytes, seed)),
      registration: { type: 'registry.registerKey', key, owner: { kind: 'organisation', organisation } },
    };
  }

  async tip(): Promise<ChainTip> {
    return until('a block', async () => (await blocksOn(this.log, this.consortium)).at(-1)?.tip);
  }

  async set(): Promise<string[]> {
    return (await this.tip()).validators.keys.map(toBase64Url);
  }

  async events(): Promise<LedgerEvent[]> {
    return eventsOf(await blocksOn(this.log, this.consortium));
  }

  /** Blocks go on after now. */
  async grows(blocks = 6): Promise<void> {
    const { height } = await this.tip();
    await until(`${blocks} blocks more`, async () => ((await this.tip()).height >= height + blocks ? true : undefined));
  }
}

const told = (running: Running, kind: string, kid: string): boolean =>
  running.events.some((event) => event.kind === kind && 'validator' in event && event.validator === kid);

describe('a set of validators', () => {
  it('takes in a new one, rotates a key and goes on, while others are away and come back epochs later', async () => {
    const network = new Network(4);
    const [first = seedOf(''), second = seedOf(''), third = seedOf(''), fourth = seedOf('')] = network.seeds;
    const [newcomer, fresh] = [seedOf('newcomer'), seedOf('fresh')];
    // `fresh` is no validator yet: its host follows for it.
    const many = await run(network.consortium, network.log, [first, second, third, fresh], memorySignerSlots());
    const oneSlots = memorySignerSlots();
    const one = await run(network.consortium, network.log, [fourth], oneSlots);
    await network.grows(2);
    const late = await run(network.consortium, network.log, [newcomer], memorySignerSlots());

    const { key, proof, registration } = network.registered(newcomer);
    await network.ask(registration, network.propose({ kind: 'admit', validator: key, proof }));
    await until('the newcomer', () => (told(late, 'joined', key) ? true : undefined));
    // It had no record of what it signed, and said so before it signed anything.
    expect(told(late, 'rejoined', key)).toBe(true);
    expect(await network.set()).toHaveLength(5);

    // Four of five are a quorum: without the newcomer's votes nothing would go on.
    await one.stop();
    await network.grows();
    const next = network.registered(fresh);
    const rotate: ValidatorChange = { kind: 'rotateKey', validator: kidOf(first), key: next.key, proof: next.proof };
    await network.ask(next.registration, network.propose(rotate));
    await until('the rotation', () => (told(many, 'joined', next.key) ? true : undefined));
    expect(told(many, 'left', kidOf(first))).toBe(true);
    await network.grows();

    // Back after some epochs, with its old record and another set: without its votes nothing would go on.
    const back = await run(network.consortium, network.log, [fourth], oneSlots);
    await late.stop();
    await network.grows();
    expect(back.events.filter(({ kind }) => kind === 'rejoining' || kind === 'evidence')).toEqual([]);

    // Places in the set have shifted; nobody took another's message for its own.
    expect(many.events.filter(({ kind }) => kind === 'rejoining' || kind === 'evidence')).toEqual([]);

    const expected = [second, third, fourth, newcomer, fresh].map(native.publicKeyOf);
    const tip = await network.tip();
    expect(tip.validators).toEqual(validatorSet(native, tip.validators.epoch, expected));
  }, 60_000);

  it('loses one that signs two things, without its proposals from then on, in the next epoch', async () => {
    const network = new Network(7);
    const [liar = seedOf(''), ...honest] = network.seeds;
    const running = await run(network.consortium, network.log, honest, memorySignerSlots());
    const kid = kidOf(liar);
    const lie = async (): Promise<true | undefined> => {
      const { height, validators } = await network.tip();
      const index = validators.keys.findIndex((key) => toBase64Url(key) === kid);
      if (told(running, 'evidence', kid)) return true;
      const frames = ['one', 'another'].map((content) => {
        const unsigned: UnsignedMessage = {
          type: 'prepare',
          epoch: validators.epoch,
          height: height + 1,
          round: 0,
          validator: index,
          blockHash: native.sha256(utf8(content)),
        };
        const signature = native.sign(signBytesOf(unsigned, network.ledgerId), liar);
        return messageFrame({ ...unsigned, signature } as ConsensusMessage);
      });
      await network.log.append(ledgerTopics.consortium.consensus.name, packFrames(network.ledgerId, frames));
      return undefined;
    };
    await until('the evidence', lie);
    await until('the set without it', async () => ((await network.set()).includes(kid) ? undefined : true));
    const events = await network.events();
    expect(events.filter(({ type }) => type === 'validators.suspended')).toHaveLength(1);
    expect(events.filter(({ type }) => type === 'validators.equivocated')).toMatchObject([{ validator: kid }]);
    expect(await network.set()).toHaveLength(6);
    await network.grows();
  }, 60_000);
});
