/**
 * Packages that need not be there: raw-socket and cap. Both are native modules that know one event loop, the main
 * thread's: a worker thread cannot load them, and must not, once the main thread has.
 */
import { createRequire } from 'node:module';
import { isMainThread } from 'node:worker_threads';

const packages = {
  'raw-socket': { underlay: 'raw', builds: 'g++ make python3' },
  cap: { underlay: 'pcap', builds: 'g++ make python3 libpcap-dev' },
} as const;

export type OptionalPackage = keyof typeof packages;

/** A package that is not installed, was not built, or does not load; the message says what to do. */
export class MissingPackageError extends Error {
  override readonly name = 'MissingPackageError';
  readonly package: OptionalPackage;

  constructor(name: OptionalPackage, cause: unknown) {
    const { underlay, builds } = packages[name];
    const [why = ''] = (cause instanceof Error ? cause.message : String(cause)).split('\n', 1);
    super(
      `underlay ${underlay} needs the npm package ${name}, which is not usable here (${why}): apt-get install ${builds}, then npm install ${name} (in a checkout: npm run build)`,
      { cause },
    );
    this.package = name;
  }
}

/** Loads a package; throws MissingPackageError. Main thread only. */
export function loadOptionalPackage(name: OptionalPackage): unknown {
  if (!isMainThread) throw new Error(`${name} cannot be loaded by a worker thread`);
  try {
    return createRequire(import.meta.url)(name);
  } catch (error) {
    throw new MissingPackageError(name, error);
  }
}
