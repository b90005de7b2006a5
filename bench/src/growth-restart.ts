// Forked by the growth bench: a ledger from its snapshot in a process that has held nothing before, as after a restart.
import { restart } from './growth.js';

const [folder] = process.argv.slice(2);
if (folder === undefined || process.send === undefined) throw new Error('the growth bench starts this, with a folder');
process.send(await restart(folder));
process.disconnect();
