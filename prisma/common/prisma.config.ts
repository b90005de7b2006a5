import { defineConfig } from 'prisma/config';

// For Prisma's own tools (`prisma studio --config prisma/common/prisma.config.ts`); the services need none of this. Which
// ledger they see is said by the end of DATABASE_URL: `?schema=consortium` or `?schema=public_ledger`.
export default defineConfig({
  schema: '..',
  migrations: { path: 'migrations' },
  datasource: { url: process.env['DATABASE_URL'] ?? '' },
});
