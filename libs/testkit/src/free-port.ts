import { createServer } from 'node:net';

const HOST = '127.0.0.1';

/** A port of this machine that nobody listens on. Somebody else may take it before you do. */
export async function freePort(): Promise<number> {
  const port = await listen(0);
  if (port === undefined) throw new Error('no free port');
  return port;
}

export async function isFreePort(port: number): Promise<boolean> {
  return (await listen(port)) !== undefined;
}

/** Listens for a moment; `undefined` when that is refused. */
function listen(port: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(undefined));
    server.listen(port, HOST, () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : undefined));
    });
  });
}
