import type { LedgerEvent } from '@gridtokenx/protocol';
import { GridClient } from '../client.js';
import { verifyElection } from '../verify-election.js';
import { EXIT, usage, type Command, type Context, type Option } from './command.js';
import { at, decimalAt, gridAt, listCommand, readCommand, type ListTerms, type OneTerms } from './listing.js';
import { refuse, urlOption } from './shared.js';

const url = { ...urlOption, required: true };

/** Of the public ledger, whatever genesis there is at hand: what is read is not signed. */
export const publicClient = (context: Context): GridClient =>
  new GridClient({ url: context.need('url'), kind: 'public', platform: context.io.platform });

const listing = (terms: ListTerms): Command => listCommand('public', publicClient, terms);
const reading = (terms: OneTerms): Command => readCommand('public', publicClient, terms);

const account: Option = { value: 'ACCOUNT', about: 'whose', required: true };
const ofAccount = (context: Context, rest: string): string =>
  `/accounts/${encodeURIComponent(context.need('account'))}${rest}`;
const proposal: Option = { value: 'N', about: 'number of the referendum', required: true };

/** The facts are checked, and nobody believed; that they stand in blocks is shown by proofs. */
const verifyElectionCommand: Command = {
  name: 'verify election',
  about: 'check the election of an era again, from what it was held on',
  options: {
    url,
    era: { value: 'N', about: 'the era that it was held for', required: true },
    again: { about: 'hold it again and compare every unit; else it is shown to be feasible and as good as claimed' },
  },
  examples: ['verify election --url http://127.0.0.1:8080 --era 7 --again'],
  run: async (context) => {
    const text = context.need('era');
    if (!/^(0|[1-9]\d{0,14})$/.test(text)) throw usage(`--era ${text} is not a number`);
    const [era, events] = [Number(text), [] as LedgerEvent[]];
    const listed = publicClient(context).list(`/eras/${era}/election`, { where: { order: 'oldest' } });
    for await (const { fact } of listed) events.push(fact as LedgerEvent);
    const verdict = verifyElection(events, era, { again: context.flag('again') });
    if (!verdict.ok) return refuse(context, verdict.code, verdict.about === '' ? `era ${era}` : verdict.about, { era });
    const { snapshot, result } = verdict.election;
    const [candidates, nominators] = [snapshot.candidates.length, snapshot.nominators.length];
    const winners = result.winners.length;
    context.say(`valid: ${winners} of ${candidates} candidates won by the stakes of ${nominators} nominators`, {
      valid: true,
      era,
      candidates,
      nominators,
      winners,
    });
    return EXIT.ok;
  },
};

export const PUBLIC_READS: readonly Command[] = [
  verifyElectionCommand,
  reading({
    name: 'account',
    about: 'what an account has, what of it is locked and why, and what may be spent (micro-GRID)',
    options: { account },
    example: '--account=<account>',
    path: (context) => ofAccount(context, ''),
  }),
  listing({
    name: 'transfers',
    about: 'transfers, newest first',
    options: { account: { ...account, required: false } },
    where: ['account'],
    path: () => '/transfers',
    cells: { time: at('time'), from: at('from'), to: at('to'), GRID: gridAt('amount') },
  }),
  reading({ name: 'supply', about: 'all GRID, explained by reason (micro-GRID)', path: () => '/supply' }),
  listing({
    name: 'validators',
    about: 'who stands for election, with the bond and the last set that they were elected into',
    path: () => '/candidates',
    cells: {
      account: at('id'),
      stands: at('stands'),
      'GRID active': gridAt('active'),
      'commission (parts of a billion)': at('commission'),
      'last elected': at('elected', 'era'),
      'GRID behind it': gridAt('elected', 'stake'),
    },
  }),
  listing({
    name: 'nominators',
    about: 'who backs validators, and how many',
    path: () => '/nominators',
    cells: {
      account: at('id'),
      'GRID active': gridAt('active'),
      targets: (row) => (Array.isArray(row['targets']) ? row['targets'].length : undefined),
    },
  }),
  listing({
    name: 'eras',
    about: 'eras: their elections, and what they brought',
    path: () => '/eras',
    cells: {
      era: at('id'),
      candidates: at('election', 'candidates'),
      winners: at('result', 'winners'),
      kept: at('kept'),
      'GRID staked': gridAt('began', 'staked'),
      'GRID paid': gridAt('ended', 'payout'),
      'to the treasury': gridAt('ended', 'remainder'),
    },
  }),
  listing({
    name: 'rewards',
    about: 'what an account earned, and why',
    options: { account },
    example: '--account=<account>',
    path: (context) => ofAccount(context, '/rewards'),
    cells: {
      era: at('fact', 'era'),
      validator: at('fact', 'validator'),
      'GRID at stake': gridAt('fact', 'stake'),
      'GRID earned': gridAt('fact', 'reward'),
      'paid to': at('fact', 'payee'),
    },
  }),
  listing({
    name: 'proposals',
    about: 'referenda, newest first',
    options: { status: { value: 'STATUS', about: 'preparing, deciding, confirming, approved, enacted, ...' } },
    where: ['status'],
    path: () => '/proposals',
    cells: {
      proposal: at('id'),
      track: at('track'),
      status: at('status'),
      ayes: gridAt('tally', 'ayes'),
      nays: gridAt('tally', 'nays'),
      support: gridAt('tally', 'support'),
      'enacted at': at('enactAt'),
    },
  }),
  reading({
    name: 'proposal',
    about: 'a referendum, with its terms and its tally',
    options: { proposal },
    example: '--proposal 1',
    path: (context) => `/proposals/${encodeURIComponent(context.need('proposal'))}`,
  }),
  listing({
    name: 'votes',
    about: 'the votes that stand in a referendum',
    options: { proposal },
    example: '--proposal 1',
    path: (context) => `/proposals/${encodeURIComponent(context.need('proposal'))}/votes`,
    cells: {
      account: at('id'),
      aye: at('vote', 'aye'),
      conviction: at('vote', 'conviction'),
      GRID: gridAt('vote', 'capital'),
    },
  }),
  reading({
    name: 'treasury',
    about: 'what the treasury has, got and burned (micro-GRID)',
    path: () => '/treasury',
  }),
  listing({
    name: 'anchors',
    about: 'blocks of the consortium that are anchored',
    path: () => '/anchors',
    cells: { height: at('height'), hash: at('hash'), time: at('time'), signers: at('signers') },
  }),
  listing({
    name: 'aggregates',
    about: 'what the markets of the consortium came to, as it was published',
    path: () => '/aggregates',
    cells: {
      id: at('id'),
      from: at('fromHeight'),
      to: at('toHeight'),
      trades: at('trades'),
      kWh: decimalAt(3, 'tradedWh'),
      'THB/kWh': decimalAt(4, 'averagePrice'),
      'renewable %': decimalAt(2, 'renewableShare'),
      status: at('status'),
    },
  }),
  listing({
    name: 'reports',
    about: 'registered hashes of reports',
    options: { kind: { value: 'KIND', about: 'market, reserve, gridFees, renewables, election or audit' } },
    where: ['kind'],
    path: () => '/reports',
    cells: {
      kind: at('kind'),
      from: at('periodFrom'),
      to: at('periodTo'),
      version: at('version'),
      hash: at('hash'),
    },
  }),
];
