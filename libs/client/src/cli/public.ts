import { possessionSignBytes } from '@gridtokenx/chain';
import { noble } from '@gridtokenx/crypto';
import { toBase64Url, toHex, utf8 } from '@gridtokenx/kernel';
import { decodeCall, type Operation } from '@gridtokenx/protocol';
import { usage, type Command, type Context, type Option } from './command.js';
import { parseGrid, parseShare } from './notation.js';
import { keypairOf, ledgerOf, readText } from './shared.js';
import { checked, read, send, sendOptions, signed } from './submit.js';

const URL_AND_KEY = '--url http://127.0.0.1:8080 --key account.key --genesis public-genesis.json';

const gridOption: Option = { value: 'GRID', about: 'how much, such as 1500 or 0.25', required: true };
const accountOption = (about: string): Option => ({ value: 'ACCOUNT', about, required: true });
const proposalOption: Option = { value: 'N', about: 'number of the referendum', required: true };
const trackOption: Option = { value: 'root|marketPolicy|treasury', about: 'the track', required: true };
const convictionOption: Option = {
  value: '0..6',
  about: 'how long the capital stays locked if the side wins: 0 (a tenth of a vote) to 6 (six votes); 1 by default',
};

const whole = (context: Context, name: string): number => {
  const text = context.need(name);
  if (!/^(0|[1-9]\d{0,14})$/.test(text)) throw usage(`--${name} ${text} is not a whole number`);
  return Number(text);
};
const grid = (context: Context): string => read(context, 'grid', parseGrid);
const conviction = (context: Context): number =>
  context.get('conviction') === undefined ? 1 : whole(context, 'conviction');

interface Terms {
  readonly name: string;
  readonly about: string;
  readonly options?: Readonly<Record<string, Option>>;
  readonly example: string;
  /** What is to be signed, all of it or none. */
  readonly operations: (context: Context) => Promise<readonly object[]> | readonly object[];
}

/** Signs and sends what the account that the key owns asks for. */
const asking = ({ name, about, options = {}, example, operations }: Terms): Command => ({
  name,
  about,
  options: { ...options, ...sendOptions },
  examples: [`${name} ${URL_AND_KEY} ${example}`.trim()],
  run: async (context) => {
    const asked = (await operations(context)).map((one): Operation => checked(one, ''));
    return send(context, await signed(context, asked, true));
  },
});

/** The key that is to sign blocks shows that somebody holds it, for this account of this ledger. */
async function signerProof(context: Context): Promise<{ readonly key: string; readonly proof: string }> {
  const account = keypairOf(context).kid;
  const signer = keypairOf(context, 'validator-key');
  const message = possessionSignBytes(await ledgerOf(context), account, signer.publicKey);
  return { key: signer.kid, proof: toBase64Url(signer.sign(message)) };
}

/** What a referendum is to do, as the text that is decided about; strict, so that what was meant is what is done. */
function callIn(context: Context): { readonly call: string; readonly callHash: string } {
  const call = readText(context, context.need('call')).trim();
  decodeCall('public', call);
  return { call, callHash: toHex(noble.sha256(utf8(call))) };
}

export const PUBLIC_COMMANDS: readonly Command[] = [
  asking({
    name: 'transfer',
    about: 'pay GRID; the first payment to a key opens its account',
    options: {
      to: accountOption('who is paid'),
      grid: gridOption,
      close: { about: 'give the account up: what is left below the minimum goes to the treasury' },
    },
    example: '--to=<account> --grid 12.5 --wait',
    operations: (context) => [
      {
        type: 'grid.transfer',
        to: context.need('to'),
        amount: grid(context),
        ...(context.flag('close') && { close: true }),
      },
    ],
  }),
  asking({
    name: 'bond',
    about: 'bond GRID, or more of it: what is bonded backs validators',
    options: { grid: gridOption },
    example: '--grid 1000 --wait',
    operations: (context) => [{ type: 'staking.bond', amount: grid(context) }],
  }),
  asking({
    name: 'unbond',
    about: 'let bonded GRID go: it may be withdrawn when the bonding period has passed',
    options: { grid: gridOption },
    example: '--grid 500 --wait',
    operations: (context) => [{ type: 'staking.unbond', amount: grid(context) }],
  }),
  asking({
    name: 'rebond',
    about: 'take back what was unbonded last',
    options: { grid: gridOption },
    example: '--grid 100 --wait',
    operations: (context) => [{ type: 'staking.rebond', amount: grid(context) }],
  }),
  asking({
    name: 'withdraw',
    about: 'free all that was unbonded and whose period has passed',
    example: '--wait',
    operations: () => [{ type: 'staking.withdraw' }],
  }),
  asking({
    name: 'nominate',
    about: 'back validators with the bond, at most sixteen, in place of those before',
    options: { target: { ...accountOption('a candidate; may be given more than once'), many: true } },
    example: '--target=<account> --target=<account> --wait',
    operations: (context) => [{ type: 'staking.nominate', targets: [...context.all('target')] }],
  }),
  asking({
    name: 'validate',
    about: 'stand for election as a validator',
    options: {
      commission: {
        value: 'PERCENT',
        about: 'of the rewards, before they are shared: such as 5 or 2.5',
        required: true,
      },
      'validator-key': { value: 'FILE', about: 'key file with which the node signs blocks', required: true },
    },
    example: '--commission 5 --validator-key node.key --wait',
    operations: async (context) => [
      {
        type: 'staking.validate',
        commission: read(context, 'commission', parseShare),
        ...(await signerProof(context)),
      },
    ],
  }),
  asking({
    name: 'rotate-key',
    about: 'let another key sign blocks, from the next era whose set is not fixed yet',
    options: { 'validator-key': { value: 'FILE', about: 'the new key file of the node', required: true } },
    example: '--validator-key new-node.key --wait',
    operations: async (context) => [{ type: 'staking.rotateKey', ...(await signerProof(context)) }],
  }),
  asking({
    name: 'chill',
    about: 'stand or nominate no more',
    example: '--wait',
    operations: () => [{ type: 'staking.chill' }],
  }),
  asking({
    name: 'payee',
    about: 'say where rewards go: to an account, or without one to the bond',
    options: { account: { value: 'ACCOUNT', about: 'who gets them; without it they are bonded' } },
    example: '--account=<account> --wait',
    operations: (context) => {
      const account = context.get('account');
      const payee = account === undefined ? { kind: 'stake' } : { kind: 'account', account };
      return [{ type: 'staking.setPayee', payee }];
    },
  }),
  asking({
    name: 'claim',
    about: 'have the part of a validator in an era paid now, before its turn',
    options: {
      era: { value: 'N', about: 'an era that has ended', required: true },
      validator: accountOption('the account of the validator'),
    },
    example: '--era 7 --validator=<account> --wait',
    operations: (context) => [
      { type: 'staking.claim', era: whole(context, 'era'), validator: context.need('validator') },
    ],
  }),
  asking({
    name: 'propose',
    about: 'ask for a referendum: notes what it is to do, and submits its hash',
    options: {
      track: trackOption,
      call: { value: 'FILE', about: 'the operation that is to be done, as JSON', required: true },
      noted: { about: 'the text is noted already: only its hash is submitted' },
      at: { value: 'TIME', about: 'when it is wanted, if that is later than the delay of the track' },
    },
    example: '--track marketPolicy --call call.json --wait',
    operations: (context) => {
      const { call, callHash } = callIn(context);
      const wantedAt = context.get('at');
      const proposal = {
        type: 'governance.propose',
        track: context.need('track'),
        callHash,
        ...(wantedAt !== undefined && { wantedAt }),
      };
      return context.flag('noted') ? [proposal] : [{ type: 'governance.notePreimage', callHash, call }, proposal];
    },
  }),
  asking({
    name: 'deposit',
    about: 'place the decision deposit of a referendum',
    options: { proposal: proposalOption },
    example: '--proposal 1 --wait',
    operations: (context) => [{ type: 'governance.placeDeposit', referendum: whole(context, 'proposal') }],
  }),
  asking({
    name: 'vote',
    about: 'vote in a referendum, in place of how you voted before',
    options: {
      proposal: proposalOption,
      aye: { about: 'for it' },
      nay: { about: 'against it' },
      remove: { about: 'take your vote back' },
      grid: { ...gridOption, required: false, about: 'with how much of what you have' },
      conviction: convictionOption,
    },
    example: '--proposal 1 --aye --grid 5000 --conviction 2 --wait',
    operations: (context) => {
      const referendum = whole(context, 'proposal');
      const said = ['aye', 'nay', 'remove'].filter((name) => context.flag(name));
      if (said.length !== 1) throw usage('give one of --aye, --nay and --remove');
      if (said[0] === 'remove') return [{ type: 'governance.removeVote', referendum }];
      const vote = {
        kind: 'standard',
        aye: said[0] === 'aye',
        conviction: conviction(context),
        capital: grid(context),
      };
      return [{ type: 'governance.vote', referendum, vote }];
    },
  }),
  asking({
    name: 'delegate',
    about: 'let another account vote with your capital in a track',
    options: {
      track: trackOption,
      to: accountOption('who votes'),
      grid: gridOption,
      conviction: convictionOption,
    },
    example: '--track treasury --to=<account> --grid 2000 --wait',
    operations: (context) => [
      {
        type: 'governance.delegate',
        track: context.need('track'),
        to: context.need('to'),
        conviction: conviction(context),
        amount: grid(context),
      },
    ],
  }),
  asking({
    name: 'undelegate',
    about: 'vote for yourself in a track again',
    options: { track: trackOption },
    example: '--track treasury --wait',
    operations: (context) => [{ type: 'governance.undelegate', track: context.need('track') }],
  }),
];
