import { createServer, type Server } from 'node:http';

export interface StatusServer {
  readonly url: string;
  close(): Promise<void>;
}

/**
 * Says over HTTP, to this machine only, where the process stands. Two hosts that name the same height must name the same
 * state digest.
 */
export async function serveStatus(port: number, report: () => unknown): Promise<StatusServer> {
  const server: Server = createServer((_request, answer) => {
    answer.setHeader('content-type', 'application/json');
    answer.end(`${JSON.stringify(report())}\n`);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the status server has no port');
  return {
    url: `http://127.0.0.1:${address.port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
