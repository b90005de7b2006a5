// Three kinds of test, told apart by the file's name: *.unit.spec.ts needs nothing but Node;
// *.int.spec.ts needs Postgres or Kafka; *.e2e.spec.ts runs the built processes.
const shared = {
  rootDir: import.meta.dirname,
  testEnvironment: 'node',
  extensionsToTreatAsEsm: ['.ts'],
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      {
        jsc: {
          parser: { syntax: 'typescript', decorators: true },
          transform: { legacyDecorator: true, decoratorMetadata: true },
          target: 'es2024',
        },
        module: { type: 'es6' },
        sourceMaps: 'inline',
      },
    ],
  },
  moduleNameMapper: {
    '^@gridtokenx/(kafka|embedded-log|postgres|crypto-native|keystore)$': '<rootDir>/libs/adapters/$1/src/index.ts',
    '^@gridtokenx/(gateway)$': '<rootDir>/apps/$1/src/index.ts',
    '^@gridtokenx/(tools|bench)$': '<rootDir>/$1/src/index.ts',
    '^@gridtokenx/([a-z-]+)$': '<rootDir>/libs/$1/src/index.ts',
    '^(\\.{1,2}/.*)\\.js$': '$1',
  },
  modulePathIgnorePatterns: ['<rootDir>/.*/dist/'],
};
const project = (name, extra = {}) => ({
  ...shared,
  displayName: name,
  testMatch: [`<rootDir>/{libs,apps,tools,bench}/**/*.${name}.spec.ts`],
  ...extra,
});

export default {
  watchman: false,
  maxWorkers: 2,
  // Tests wait for facts, and end when these are there; this ends one that hangs, also where others take the processor.
  testTimeout: 180_000,
  projects: [project('unit'), project('int'), project('e2e')],
};
