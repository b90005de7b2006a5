import type { Row } from '../views.js';
import { encodeProofJson, decodeProofJson } from '../proof-json.js';
import { CliError, EXIT, usage, type Command, type Context } from './command.js';
import { tableOf, type Columns } from './table.js';
import { clientOf, describeOutcome, durationOf, isExecuted, urlOption } from './shared.js';

const url = { ...urlOption, required: true };

export const follow: Command = {
  name: 'follow',
  about: 'wait until an operation is decided; exit code 0 when it was executed',
  options: {
    url,
    id: { value: 'ID', about: 'of the operation: 64 hex digits', required: true },
    timeout: { value: 'TIME', about: 'how long to wait: 30s by default' },
  },
  examples: ['follow --url http://127.0.0.1:8080 --id <64 hex digits> --timeout 30s'],
  run: async (context) => {
    const timeoutMs = durationOf(context.get('timeout') ?? '30s', 'timeout');
    const view = await clientOf(context).follow(operationId(context), { timeoutMs });
    context.say(describeOutcome(view), { ...view });
    return isExecuted(view) ? EXIT.ok : EXIT.refused;
  },
};

export const proofGet: Command = {
  name: 'proof get',
  about: 'fetch the inclusion proof of an operation into a file; it is checked by `verify proof`, not here',
  options: {
    url,
    id: { value: 'ID', about: 'of the operation: 64 hex digits', required: true },
    out: { value: 'FILE', about: 'where the proof goes', required: true },
  },
  examples: ['proof get --url http://127.0.0.1:8080 --id <64 hex digits> --out proof.json'],
  run: async (context) => {
    const client = clientOf(context);
    const id = operationId(context);
    const { status, height } = await client.operation(id);
    if (height === undefined) throw new CliError('proof.notInBlock', `${id} is ${status} and in no block`);
    const proof = decodeProofJson(await client.proofText(height, id));
    const out = context.need('out');
    context.io.files.replace(out, encodeProofJson(proof, proof.setSize));
    context.say(`${out}: operation ${id} in block ${height}`, { file: out, operationId: id, height });
  },
};

export const balances: Command = {
  name: 'balances',
  about: 'what an account has, in minor units (WATT: 1,000,000 to the THB; KWH: Wh)',
  options: { url, account: { value: 'ID', about: '32 hex digits', required: true } },
  examples: ['balances --url http://127.0.0.1:8080 --account 0123456789abcdef0123456789abcdef'],
  run: async (context) => {
    const account = context.need('account');
    if (!/^[0-9a-f]{32}$/.test(account)) throw usage('--account is 32 hex digits in lower case');
    const read = await clientOf(context).balances(account);
    context.say(JSON.stringify(read, undefined, 2), read);
  },
};

const VALIDATOR_COLUMNS: Columns = [
  ['validator', 'kid'],
  ['status', 'status'],
  ['height', 'height'],
  ['round', 'round'],
  ['last vote', 'lastVote'],
  ['heard at', 'heardAt'],
  ['missed proposals', 'missedProposals'],
  ['missed votes', 'missedVotes'],
  ['of observed', 'observedBlocks'],
  ['signed', 'signedBlocks'],
  ['of', 'memberBlocks'],
];

const CHANGE_COLUMNS: Columns = [
  ['change', 'change'],
  ['kind', 'kind'],
  ['validator', 'validator'],
  ['new key', 'key'],
  ['status', 'status'],
  ['votes', 'votes'],
  ['of needed', 'needed'],
  ['until', 'until'],
];

export const validatorsList: Command = {
  name: 'validators list',
  about: 'who decides, who was last heard where, and who missed proposals and votes, by the last 100 blocks',
  options: { url, status: { value: 'STATUS', about: 'active, suspended or former only' } },
  examples: ['validators list --url http://127.0.0.1:8080 --status active'],
  run: async (context) => {
    const status = context.get('status');
    if (status !== undefined && !['active', 'suspended', 'former'].includes(status))
      throw usage('--status is active, suspended or former');
    const items: Row[] = [];
    for await (const row of clientOf(context).validators(status === undefined ? {} : { where: { status } }))
      items.push(row);
    context.say(tableOf(VALIDATOR_COLUMNS, items), { items });
  },
};

export const validatorsChanges: Command = {
  name: 'validators changes',
  about: 'what the consortium is asked to change of its validators, with the ids that `validators approve` takes',
  options: { url, all: { about: 'also those that are decided or at an end' } },
  examples: ['validators changes --url http://127.0.0.1:8080 --all'],
  run: async (context) => {
    const options = context.flag('all') ? {} : { where: { status: 'open' } };
    const items: Row[] = [];
    for await (const row of clientOf(context).validatorChanges(options)) items.push(row);
    context.say(tableOf(CHANGE_COLUMNS, items), { items });
  },
};

export const health: Command = {
  name: 'health',
  about: 'how the gateway is; exit code 0 when it is well',
  options: { url },
  examples: ['health --url http://127.0.0.1:8080'],
  run: async (context) => {
    const read = await clientOf(context).health();
    context.say(JSON.stringify(read, undefined, 2), read);
    return read['status'] === 'failing' ? EXIT.refused : EXIT.ok;
  },
};

function operationId(context: Context): string {
  const id = context.need('id');
  if (!/^[0-9a-f]{64}$/.test(id)) throw usage('--id is 64 hex digits in lower case');
  return id;
}
