import { readBatch } from '../control/batch-file.js';
import { Connection } from '../control/client.js';
import { CommandError } from '../iproute/commands.js';
import { suggest } from '../iproute/suggest.js';
import { readArrival } from '../lab/trace/arrival.js';
import type { HostRoutes } from '../lab/trace/host-routes.js';
import { printTrace } from '../lab/trace/print-trace.js';
import type { TraceReport } from '../lab/trace/report.js';
import { Tracer } from '../lab/trace/trace.js';
import { liveLinks, liveRules } from './live-rules.js';
import { overviewOf } from './overview-of.js';
import { readPackets } from './read-packets.js';

export interface TraceWords {
  readonly batch?: string;
  readonly host?: readonly string[];
  readonly near: number;
  readonly classifier: 'tuple-space' | 'linear';
  readonly hex?: boolean;
  readonly json?: boolean;
}

/** `vtep trace`: by the rules of a file, or by those of the daemon that listens at `control`. */
export async function trace(words: readonly string[], options: TraceWords, control: string | undefined): Promise<void> {
  const { batch, host = [], near, classifier, hex = false, json = false } = options;
  const live = batch === undefined ? await liveRules(control) : undefined;
  const text = live?.text ?? readBatch(batch ?? '');
  const tracer = await Tracer.from(text, batch ?? 'vtep save', {
    ...{ hosts: [...host, ...(live?.hosts ?? [])], near, classifier },
    start: Date.now(),
  });
  if (live) mustHave(tracer, words);
  const { arrival, time } = readArrival(tracer.endpoint, words, readPackets);
  if (time !== undefined) tracer.endpoint.setTime(time);
  const routes = live && isHere(control) ? tracer.useHost(await liveLinks(control)) : undefined;
  const told = tracer.trace(arrival);
  routes?.close();
  const hints = [...told.hints, ...(live ? await liveHints(told, control) : []), ...routeHints(routes)];
  const report = { ...told, hints };
  const width = process.stdout.isTTY ? process.stdout.columns : undefined;
  process.stdout.write(
    json ? `${JSON.stringify(report)}\n` : printTrace(report, { hex, ...(width !== undefined && { width }) }),
  );
}

/** Of a vtep that runs no file is to blame where there is no such device. */
function mustHave({ endpoint: { devices } }: Tracer, [dev, name]: readonly string[]): void {
  if (dev !== 'dev' || name === undefined || devices.has(name)) return;
  throw new CommandError(`Cannot find device "${name}"${suggest(name, [...devices.keys()])}`, 1);
}

/** Whether the daemon is the one of this network namespace, whose routes are those that are here. */
function isHere(control: string | undefined): boolean {
  return (control ?? process.env.VTEP_CONTROL ?? '') === '';
}

function routeHints(routes: HostRoutes | undefined): string[] {
  return [...(routes?.unreachable ?? [])].map(
    (destination) => `the host has no route to ${destination}: what is sent there is dropped (send-unreachable)`,
  );
}

/** What the running vtep looks at, and its copy here does not have. */
async function liveHints({ input, taken }: TraceReport, control: string | undefined): Promise<string[]> {
  if (input.from !== 'underlay' || !taken) return [];
  const connection = new Connection(control);
  try {
    const { strictPeers } = await overviewOf(connection);
    return strictPeers
      ? [
          'the vtep runs with --strict-peers, which this trace does not look at: it drops what comes from a sender that nothing names (unknown-peer), or to another address than the device’s (other-destination)',
        ]
      : [];
  } finally {
    connection.close();
  }
}
