import { spawnSync } from 'node:child_process';
import { readBatch } from '../control/batch-file.js';
import { hostEnvironment } from '../control/host-tool.js';
import { formatIp } from '../iproute/address.js';
import { CommandError } from '../iproute/commands.js';
import { lintBatch } from '../lab/lint/lint-batch.js';
import { printLint } from '../lab/lint/print-lint.js';
import { liveRules } from './live-rules.js';

export interface LintWords {
  readonly batch?: string;
  readonly host?: readonly string[];
  readonly routes?: boolean;
  readonly json?: boolean;
}

/** How `vtep save` has a rule whose target is gone, which is to be looked at all the same. */
const GONE = /^# its device is gone: /gm;
/** Exit codes. */
const FINDINGS = 1;
const CANNOT_RUN = 2;
/** Destinations that the host is asked about; of more nothing is said. */
const MOST_ROUTES = 256;

/** `vtep lint`: the lines of a file, or the rules of the daemon that listens at `control`. */
export async function lint(
  { batch, host = [], routes = false, json = false }: LintWords,
  control: string | undefined,
): Promise<void> {
  try {
    const live = batch === undefined ? await liveRules(control) : undefined;
    const result = await lintBatch(live?.text.replace(GONE, '') ?? readBatch(batch ?? ''), batch ?? 'vtep save', {
      hosts: [...host, ...(live?.hosts ?? [])],
      hasLines: !live,
      ...((live || routes) && { wayTo: routeAsker() }),
    });
    const width = process.stdout.isTTY ? process.stdout.columns : undefined;
    process.stdout.write(json ? `${JSON.stringify(result.findings)}\n` : printLint(result, width));
    process.exitCode = result.findings.length === 0 ? 0 : FINDINGS;
  } catch (error) {
    if (error instanceof CommandError) throw new CommandError(error.message, CANNOT_RUN);
    throw error;
  }
}

/** Asks the system's ip, once for each address. */
function routeAsker(): (address: Uint8Array) => string | undefined {
  const known = new Map<string, string>();
  return (bytes) => {
    const address = formatIp(bytes);
    const answer = known.get(address);
    if (answer !== undefined || known.size === MOST_ROUTES) return answer;
    const { status, error, stdout } = spawnSync('ip', ['route', 'get', address], {
      env: hostEnvironment(),
      stdio: ['ignore', 'pipe', 'ignore'],
      encoding: 'utf8',
    });
    if (error) return undefined;
    const way = status === 0 ? (/ dev (\S+)/.exec(stdout)?.[1] ?? 'lo') : '';
    known.set(address, way);
    return way;
  };
}
