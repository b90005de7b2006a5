import { defineConfig } from 'prisma/config';

// For Prisma's own tools (`prisma studio --config prisma/consortium/prisma.config.ts`); the services need none of this.
// The history of migrations stands in the schema `consortium`: end DATABASE_URL with `?schema=consortium`.
export default defineConfig({
  schema: 'schema.prisma',
  migrations: { path: 'migrations' },
  datasource: { url: process.env['DATABASE_URL'] ?? '' },
});
