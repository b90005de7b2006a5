import { possessionSignBytes } from '@gridtokenx/chain';
import { formatTime, millis, toBase64Url } from '@gridtokenx/kernel';
import { VALIDATOR_CHANGES, type ValidatorChangeKind } from '@gridtokenx/protocol';
import { isRecord } from '../problem.js';
import { usage, type Command, type Context, type Option } from './command.js';
import { anchorOf, durationOf, genesisOption, keyOption, keypairOf, readJson, readText } from './shared.js';
import { checked, send, sendOptions, signed } from './submit.js';

const changeOption: Option = {
  value: 'ID',
  about: 'of the change: the id of the operation that proposed it',
  required: true,
};

const OPEN_FOR = '168h';

export const validatorsProve: Command = {
  name: 'validators prove',
  about: 'show that you hold a key that is to be a validator, for one organisation of one ledger',
  options: {
    key: { ...keyOption, about: 'key file of the validator to be', required: true },
    genesis: { ...genesisOption, required: true },
    organisation: { value: 'ID', about: 'whose validator it is to be: 32 hex digits', required: true },
  },
  examples: ['validators prove --key validator.key --genesis genesis.json --organisation <32 hex digits>'],
  run: async (context) => {
    const organisation = context.need('organisation');
    if (!/^[0-9a-f]{32}$/.test(organisation)) throw usage(`--organisation ${organisation} is not 32 hex digits`);
    const { ledgerId } = anchorOf(context);
    const keypair = keypairOf(context);
    const proof = toBase64Url(keypair.sign(possessionSignBytes(ledgerId, organisation, keypair.publicKey)));
    context.say(`${keypair.kid}\n${proof}`, { ledgerId, organisation, validator: keypair.kid, proof });
  },
};

/** `rotate-key` of the command line is `rotateKey` of the ledger. */
function kindOf(text: string): ValidatorChangeKind {
  const kind = VALIDATOR_CHANGES.find((one) => spelled(one) === text);
  if (kind === undefined) throw usage(`--kind ${text} is none of ${VALIDATOR_CHANGES.map(spelled).join(', ')}`);
  return kind;
}

const spelled = (kind: ValidatorChangeKind): string =>
  kind.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

/** What a kind needs beside the validator, and nothing that it does not take. */
function changeOf(context: Context, kind: ValidatorChangeKind): Readonly<Record<string, string>> {
  const [key, proof] = [context.get('new-key'), context.get('proof')];
  if (key !== undefined && kind !== 'rotateKey') throw usage(`--new-key is not for --kind ${spelled(kind)}`);
  if (proof !== undefined && kind !== 'rotateKey' && kind !== 'admit')
    throw usage(`--proof is not for --kind ${spelled(kind)}`);
  const change = { kind, validator: context.need('validator') };
  if (kind === 'admit') return { ...change, proof: context.need('proof') };
  return kind === 'rotateKey' ? { ...change, key: context.need('new-key'), proof: context.need('proof') } : change;
}

export const validatorsPropose: Command = {
  name: 'validators propose',
  about: 'ask the consortium for a change of its validators, and vote for it',
  options: {
    kind: { value: VALIDATOR_CHANGES.map(spelled).join('|'), about: 'what is to change', required: true },
    validator: { value: 'KEY', about: 'key id of the validator, or of the one to be', required: true },
    'new-key': { value: 'KEY', about: 'of rotate-key: the key that comes after' },
    proof: { value: 'SIGNATURE', about: 'of admit and rotate-key: what `validators prove` printed for the new key' },
    'open-for': { value: 'TIME', about: `how long it may be voted on: ${OPEN_FOR} by default, 720h at most` },
    ...sendOptions,
  },
  examples: [
    'validators propose --url http://127.0.0.1:8080 --key office.key --genesis genesis.json --kind suspend --validator <key id> --wait',
    'validators propose --url http://127.0.0.1:8080 --key office.key --genesis genesis.json --kind rotate-key --validator <key id> --new-key <key id> --proof <signature> --wait',
  ],
  run: async (context) => {
    const openMs = durationOf(context.get('open-for') ?? OPEN_FOR, 'open-for');
    const until = Math.floor((context.io.platform.now() + openMs) / 1_000) * 1_000;
    const change = changeOf(context, kindOf(context.need('kind')));
    const operation = checked({ type: 'validators.proposeChange', change, until: formatTime(millis(until)) }, '');
    return send(context, await signed(context, [operation]));
  },
};

export const validatorsApprove: Command = {
  name: 'validators approve',
  about: 'vote for a change, with all validators of your organisation',
  options: { change: changeOption, ...sendOptions },
  examples: [
    'validators approve --url http://127.0.0.1:8080 --key office.key --genesis genesis.json --change <64 hex digits> --wait',
  ],
  run: async (context) => {
    const operation = checked({ type: 'validators.approveChange', change: context.need('change') }, '');
    return send(context, await signed(context, [operation]));
  },
};

export const validatorsWithdraw: Command = {
  name: 'validators withdraw',
  about: 'take back a change that your organisation proposed and nobody has decided',
  options: { change: changeOption, ...sendOptions },
  examples: [
    'validators withdraw --url http://127.0.0.1:8080 --key office.key --genesis genesis.json --change <64 hex digits> --wait',
  ],
  run: async (context) => {
    const operation = checked({ type: 'validators.withdrawChange', change: context.need('change') }, '');
    return send(context, await signed(context, [operation]));
  },
};

export const validatorsReport: Command = {
  name: 'validators report',
  about: 'bring evidence that a validator signed two different votes for one round',
  options: {
    evidence: {
      value: 'FILE',
      about: 'JSON {"validator", "first": {"vote", "signature"}, "second": {...}}: sign bytes in hex',
      required: true,
    },
    ...sendOptions,
  },
  examples: [
    'validators report --url http://127.0.0.1:8080 --key office.key --genesis genesis.json --evidence evidence.json --wait',
  ],
  run: async (context) => {
    const path = context.need('evidence');
    const evidence = readJson(context, readText(context, path), path);
    if (!isRecord(evidence)) throw usage(`${path} is no evidence`);
    const operation = checked({ ...evidence, type: 'validators.reportEquivocation' }, '');
    return send(context, await signed(context, [operation]));
  },
};

export const VALIDATORS_COMMANDS: readonly Command[] = [
  validatorsProve,
  validatorsPropose,
  validatorsApprove,
  validatorsWithdraw,
  validatorsReport,
];
