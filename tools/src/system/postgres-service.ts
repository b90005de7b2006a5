// The embedded Postgres in a process of its own, so that the launcher decides when it stops.
//   node postgres-service.js <folder> [port]
import { startPostgres } from '@gridtokenx/testkit';

const [folder, port] = process.argv.slice(2);
if (folder === undefined) throw new Error('usage: postgres-service <folder> [port]');
const postgres = await startPostgres({ folder, ...(port === undefined ? {} : { port: Number(port) }) });
process.stdout.write(`${JSON.stringify({ event: 'ready', url: postgres.url, pid: postgres.pid })}\n`);

let stopping = false;
const stop = (): void => {
  if (stopping) return;
  stopping = true;
  void postgres.stop().then(() => process.exit(0));
};
process.on('SIGTERM', stop);
process.on('SIGINT', stop);
process.stdin.on('end', stop).resume();
// A power cut, for tests: the postmaster and all its children at once.
process.on('SIGUSR2', () => void postgres.kill().then(() => process.exit(1)));
