import { Keypair } from '../keypair.js';
import { CliError, type Command } from './command.js';
import { keyOption, keypairOf } from './shared.js';

export const keyNew: Command = {
  name: 'key new',
  about: 'make a key; the file is readable by its owner only, and never overwritten',
  options: { out: { value: 'FILE', about: 'where the key goes', required: true } },
  examples: ['key new --out office.key'],
  run: async (context) => {
    const path = context.need('out');
    const { files, platform } = context.io;
    if (files.exists(path))
      throw new CliError('file.exists', `${path} is there already, and a key is never overwritten`);
    const keypair = Keypair.generate(platform);
    files.create(path, keypair.toFile(), 0o600);
    context.say(keypair.kid, { kid: keypair.kid, file: path });
  },
};

export const keyShow: Command = {
  name: 'key show',
  about: 'show the key id (the public key), never the seed',
  options: { key: { ...keyOption, required: true } },
  examples: ['key show --key office.key'],
  run: async (context) => {
    const { kid } = keypairOf(context);
    context.say(kid, { kid });
  },
};
