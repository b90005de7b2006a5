interface LockedPackage {
  version?: string;
  optional?: boolean;
  dev?: boolean;
  link?: boolean;
  os?: string[];
  cpu?: string[];
  libc?: string[];
  optionalDependencies?: Record<string, string>;
}

/** The optional dependencies that packages of the lock name and the lock does not hold: its key -> its entry. */
export function missingVariants(lock: { packages: Record<string, LockedPackage> }): Record<string, LockedPackage>;
