export { dropProjections, tableDigests, type TableDigest } from './maintenance.js';
export { migrate, MigrationError, type MigrationErrorCode } from './migrate.js';
export { createRowStore } from './row-store.js';
export { createReadModels, type ReadModelsOf } from './read-models.js';
