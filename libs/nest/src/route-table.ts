import type { FastifyInstance } from 'fastify';

export interface Route {
  readonly method: string;
  /** As the router knows it: `/v1/blocks/:height`. */
  readonly path: string;
}

/** The routes an HTTP server has, for `405` answers and for the check that its OpenAPI document is complete. */
export class RouteTable {
  private readonly routes: Route[] = [];

  /** Listens to a Fastify instance; to be called before the first route is added. */
  follow(instance: Pick<FastifyInstance, 'addHook'>): this {
    instance.addHook('onRoute', ({ method, url }) => {
      for (const one of Array.isArray(method) ? method : [method]) this.routes.push({ method: one, path: url });
    });
    return this;
  }

  all(): readonly Route[] {
    return this.routes;
  }

  /** The methods under which a path of a request is served, in alphabetical order. */
  methodsAt(path: string): string[] {
    const segments = path.split('/');
    const found = this.routes.filter((route) => matches(route.path.split('/'), segments)).map(({ method }) => method);
    return [...new Set(found)].sort();
  }
}

const matches = (pattern: readonly string[], segments: readonly string[]): boolean =>
  pattern.length === segments.length &&
  pattern.every((part, i) => (part.startsWith(':') ? segments[i] !== '' : part === segments[i]));
