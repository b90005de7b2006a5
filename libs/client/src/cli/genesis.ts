import { faultsTolerated, genesisValidators } from '@gridtokenx/chain';
import { noble } from '@gridtokenx/crypto';
import { compareText, toHex, utf8 } from '@gridtokenx/kernel';
import { readGenesis, ROLES, type LedgerIdentity } from '@gridtokenx/protocol';
import { isRecord } from '../problem.js';
import { CliError, usage, type Command, type Context } from './command.js';
import { anchorOf, genesisOption, readJson, readText } from './shared.js';

/** What one organisation says of itself: the others put it into the genesis as it stands. */
interface Member {
  readonly organisation: {
    readonly id: string;
    readonly sector: string;
    readonly roles: readonly string[];
    readonly keys: readonly string[];
  };
  readonly validators: readonly string[];
  readonly accounts: readonly string[];
  readonly zones: readonly {
    readonly id: string;
    readonly account: string;
    readonly territory?: string;
    readonly voltage?: string;
  }[];
}

export const genesisMember: Command = {
  name: 'genesis member',
  about: 'write what your organisation brings into a new ledger: its keys, validators, accounts and zones',
  options: {
    organisation: { value: 'ID', about: 'a random id of 32 hex digits; no name is on the ledger', required: true },
    sector: {
      value: 'SECTOR',
      about: 'gridOperator, trader, financialInstitution, regulator or technologyProvider',
      required: true,
    },
    role: { value: 'ROLE', about: `${ROLES.join(', ')}; again for each`, many: true },
    'office-key': { value: 'KEY', about: 'key id with which it signs operations; again for each', many: true },
    'validator-key': { value: 'KEY', about: 'key id of a validator; again for each', many: true },
    account: { value: 'ID', about: 'an account of its own, verified from the start; again for each', many: true },
    zone: {
      value: 'ZONE:ID[:TERRITORY[:VOLTAGE]]',
      about: 'a zone that it operates, the account that is paid, and by what its wires are priced; again for each',
      many: true,
    },
    out: { value: 'FILE', about: 'where it goes', required: true },
  },
  examples: [
    'genesis member --organisation <32 hex digits> --sector regulator --role registrar --office-key <key id> --validator-key <key id> --out regulator.json',
  ],
  run: async (context) => {
    const zones = context.all('zone').map((text) => {
      const [id = '', account, territory, voltage, ...more] = text.split(':');
      if (account === undefined || more.length > 0) throw usage(`--zone ${text} is not ZONE:ID[:TERRITORY[:VOLTAGE]]`);
      return { id, account, ...(territory && { territory }), ...(voltage && { voltage }) };
    });
    const member: Member = {
      organisation: {
        id: context.need('organisation'),
        sector: context.need('sector'),
        roles: context.all('role'),
        keys: context.all('office-key'),
      },
      validators: context.all('validator-key'),
      accounts: context.all('account'),
      zones,
    };
    const out = context.need('out');
    create(context, out, member);
    context.say(out, { file: out, member });
  },
};

const TERMS = ['version', 'kind', 'time', 'market', 'consensus', 'limits'] as const;

export const genesisNew: Command = {
  name: 'genesis new',
  about: 'put the genesis of a new ledger together; whoever has the same files makes the same bytes',
  options: {
    terms: { value: 'FILE', about: `JSON with ${TERMS.join(', ')}, as the members agreed`, required: true },
    tariffs: {
      value: 'FILE',
      about: 'version 1 of the tariff book, whose payees are accounts of members',
      required: true,
    },
    member: {
      value: 'FILE',
      about: 'what `genesis member` wrote; again for each, in any order',
      many: true,
      required: true,
    },
    network: { value: 'FILE', about: 'links, pairs of zones that may trade, and feeders, as in docs/spec/network.md' },
    out: { value: 'FILE', about: 'where the genesis goes', required: true },
  },
  examples: [
    'genesis new --terms terms.json --tariffs tariff-book.json --member grid.json --member regulator.json --out genesis.json',
  ],
  run: async (context) => {
    const members = context.all('member').map((path) => memberIn(context, path));
    const network = context.get('network');
    const byId = <T extends { readonly id: string }>(list: readonly T[]): T[] =>
      [...list].sort((a, b) => compareText(a.id, b.id));
    const genesis = {
      ...termsIn(context, context.need('terms')),
      tariffs: recordIn(context, context.need('tariffs')),
      validators: members
        .flatMap(({ organisation, validators }) => validators.map((key) => ({ key, organisation: organisation.id })))
        .sort((a, b) => compareText(a.key, b.key)),
      organisations: byId(members.map(({ organisation }) => organisation)),
      accounts: byId(
        members.flatMap(({ organisation, accounts }) => accounts.map((id) => ({ id, organisation: organisation.id }))),
      ),
      zones: byId(
        members.flatMap(({ organisation, zones }) =>
          zones.map(({ id, account, ...place }) => ({ id, operator: organisation.id, account, ...place })),
        ),
      ),
      ...(network === undefined ? {} : { network: recordIn(context, network) }),
    };
    // Checked before it is written: a file that is there can be used.
    const identity = readGenesis(noble, utf8(textOf(genesis)));
    create(context, context.need('out'), genesis);
    sayGenesis(context, identity);
  },
};

export const genesisCheck: Command = {
  name: 'genesis check',
  about: 'read a genesis file as the ledger does, and say what it makes',
  options: { genesis: { ...genesisOption, required: true } },
  examples: ['genesis check --genesis genesis.json'],
  run: async (context) => sayGenesis(context, anchorOf(context).identity),
};

const textOf = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;

function create(context: Context, path: string, value: unknown): void {
  const { files } = context.io;
  if (files.exists(path)) throw new CliError('file.exists', `${path} is there already`);
  files.create(path, textOf(value), 0o644);
}

function recordIn(context: Context, path: string): Record<string, unknown> {
  const value = readJson(context, readText(context, path), path);
  if (!isRecord(value)) throw usage(`${path} is no JSON object`);
  return value;
}

/** The lists that are needed to take it apart; what stands in them the genesis is checked for. */
function memberIn(context: Context, path: string): Member {
  const { organisation, validators, accounts, zones, ...more } = recordIn(context, path);
  const unknown = Object.keys(more)[0];
  if (unknown !== undefined) throw usage(`${path} has a field '${unknown}' that no member has`);
  if (!isRecord(organisation) || ![validators, accounts, zones].every(Array.isArray))
    throw usage(`${path} is not what 'genesis member' writes`);
  return { organisation, validators, accounts, zones } as unknown as Member;
}

/** In one order, so that the bytes do not depend on how the file was typed. */
function termsIn(context: Context, path: string): Readonly<Record<string, unknown>> {
  const given = recordIn(context, path);
  const unknown = Object.keys(given).find((name) => !TERMS.some((term) => term === name));
  if (unknown !== undefined) throw usage(`${path} has a field '${unknown}' that is no term`);
  const missing = TERMS.find((term) => given[term] === undefined);
  if (missing !== undefined) throw usage(`${path} has no '${missing}'`);
  return Object.fromEntries(TERMS.map((term) => [term, given[term]]));
}

function sayGenesis(context: Context, { genesis, genesisHash, ledgerId }: LedgerIdentity): void {
  const { keys, quorum, hash } = genesisValidators(noble, genesis);
  const faults = faultsTolerated(keys.length);
  const { consensus } = genesis;
  const organisations = genesis.kind === 'consortium' ? genesis.organisations : [];
  context.say(
    [
      `${ledgerId}`,
      `  genesis hash ${toHex(genesisHash)}`,
      `  ${organisations.length} organisations, ${keys.length} validators: ${quorum} decide, ${faults} may fail`,
      `  validators hash ${toHex(hash)}, epochs of ${consensus.epochBlocks} blocks`,
    ].join('\n'),
    {
      ledgerId,
      genesisHash: toHex(genesisHash),
      organisations: organisations.length,
      validators: keys.length,
      quorum,
      faults,
      validatorsHash: toHex(hash),
      epochBlocks: consensus.epochBlocks,
    },
  );
}

export const GENESIS_COMMANDS: readonly Command[] = [genesisMember, genesisNew, genesisCheck];
