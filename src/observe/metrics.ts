/**
 * Metrics in the format of Prometheus, made from an overview at each scrape. Counters are read, not counted again: each
 * scrape fills a registry of its own. docs/metrics.md lists the names; metrics.test.ts holds it to this table.
 */
import { setImmediate } from 'node:timers/promises';
import { type Metric, Registry } from 'prom-client';
import type { Overview } from './overview.js';

type Labels = Readonly<Record<string, string | number>>;
type Samples = Iterable<readonly [labels: Labels, value: number]>;

export interface MetricRow {
  readonly name: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  readonly labels: readonly string[];
}

interface ValueRow extends MetricRow {
  readonly type: 'counter' | 'gauge';
  readonly samples: (overview: Overview) => Samples;
}

/** Sizes by powers of two: bucket n is of those up to 2^n. */
interface HistogramRow extends MetricRow {
  readonly type: 'histogram';
  readonly samples: (
    overview: Overview,
  ) => Iterable<readonly [labels: Labels, buckets: readonly number[], sum: number]>;
}

const DEVICE = ['device'];
const FILTER = ['device', 'hook', 'chain', 'pref', 'handle', 'cookie'];
const PEER = ['device', 'vni', 'peer'];
const WORKER = ['worker'];

function counter(name: string, help: string, labels: readonly string[], samples: ValueRow['samples']): ValueRow {
  return { name: `vtep_${name}_total`, type: 'counter', help, labels, samples };
}

function gauge(name: string, help: string, labels: readonly string[], samples: ValueRow['samples']): ValueRow {
  return { name, type: 'gauge', help, labels, samples };
}

/** A counter of each device, both ways. */
function ofDevices(way: 'rx' | 'tx', what: 'packets' | 'bytes' | 'errors' | 'dropped', help: string): ValueRow {
  const name = `device_${way === 'rx' ? 'receive' : 'transmit'}_${what}`;
  return counter(name, help, DEVICE, ({ devices }) => devices.map((each) => [{ device: each.name }, each[way][what]]));
}

function ofFilters(what: 'packets' | 'bytes' | 'dropped', help: string): ValueRow {
  return counter(`filter_${what}`, help, FILTER, ({ filters, others }) => [
    ...filters.map(({ dev, parent, chain, pref, handle, cookie = '', [what]: value }) => {
      const labels = { device: dev, hook: parent, chain, pref, handle: `0x${handle.toString(16)}`, cookie };
      return [labels, value] as const;
    }),
    ...(others.count > 0 ? [[{ handle: 'other' }, others[what]] as const] : []),
  ]);
}

function ofPeers(way: 'rx' | 'tx', what: 'packets' | 'bytes', help: string): ValueRow {
  const name = `peer_${way === 'rx' ? 'receive' : 'transmit'}_${what}`;
  return counter(name, help, PEER, ({ peers }) =>
    peers.map((each) => [{ device: each.device, vni: each.vni, peer: each.peer }, each[way][what]]),
  );
}

type WorkerFigure =
  | 'restarts'
  | 'wakeups'
  | 'receivedDatagrams'
  | 'sentDatagrams'
  | 'framesRead'
  | 'framesWritten'
  | 'lookups'
  | 'cacheHits';

function ofWorkers(name: string, of: WorkerFigure, help: string): ValueRow {
  return counter(`worker_${name}`, help, WORKER, ({ workers }) =>
    workers.map((each) => [{ worker: each.worker }, each[of]]),
  );
}

function sizes(name: string, of: 'batches' | 'written' | 'sent', sum: WorkerFigure, help: string): HistogramRow {
  return {
    name: `vtep_${name}`,
    type: 'histogram',
    help,
    labels: WORKER,
    samples: ({ workers }) => workers.map((each) => [{ worker: each.worker }, each[of], each[sum]]),
  };
}

const ROWS: readonly (ValueRow | HistogramRow)[] = [
  ofDevices('rx', 'packets', 'Packets received: decapsulated by a vxlan device, written to a TAP'),
  ofDevices('rx', 'bytes', 'Bytes received, as ip -s link counts them'),
  ofDevices('rx', 'errors', 'Errors on receive'),
  ofDevices('rx', 'dropped', 'Packets dropped on receive'),
  ofDevices('tx', 'packets', 'Packets sent: into a tunnel by a vxlan device, by the host into a TAP'),
  ofDevices('tx', 'bytes', 'Bytes sent, as ip -s link counts them'),
  ofDevices('tx', 'errors', 'Errors on transmit'),
  ofDevices('tx', 'dropped', 'Packets dropped on transmit'),
  gauge('vtep_device_up', '1 while the device is up', DEVICE, ({ devices }) =>
    devices.map(({ name, up }) => [{ device: name }, up ? 1 : 0]),
  ),
  counter(
    'drops',
    'Frames that ended elsewhere than where they were sent, by reason; verdict pass is of those not lost',
    ['device', 'reason', 'verdict'],
    ({ drops }) => drops.map(({ device, reason, verdict, count }) => [{ device, reason, verdict }, count]),
  ),
  ofFilters('packets', 'Packets that met a filter; handle "other" stands for all beyond the first thousand'),
  ofFilters('bytes', 'Bytes that met a filter'),
  ofFilters('dropped', 'Packets that a filter dropped'),
  gauge('vtep_filters', 'Filters in force', [], ({ filters, others }) => [[{}, filters.length + others.count]]),
  ofPeers(
    'rx',
    'packets',
    'Datagrams received from a peer under a VNI; peer "other" stands for all beyond the first thousands',
  ),
  ofPeers('rx', 'bytes', 'Bytes of the frames in them'),
  ofPeers('tx', 'packets', 'Datagrams sent to a peer under a VNI'),
  ofPeers('tx', 'bytes', 'Bytes of the frames in them'),
  ofWorkers('restarts', 'restarts', "Times that another thread took a worker's place"),
  ofWorkers('wakeups', 'wakeups', 'Times that a worker slept until something came'),
  ofWorkers('received_datagrams', 'receivedDatagrams', 'Datagrams that a worker took from the underlay'),
  ofWorkers('sent_datagrams', 'sentDatagrams', 'Datagrams that a worker gave to the underlay'),
  ofWorkers('frames_read', 'framesRead', 'Frames that a worker read from TAPs, super-frames as one'),
  ofWorkers(
    'frames_written',
    'framesWritten',
    'Frames that a worker wrote to TAPs and interfaces, super-frames as their segments',
  ),
  ofWorkers('lookups', 'lookups', 'Frames for which a worker looked for a filter'),
  ofWorkers('cache_hits', 'cacheHits', 'Look-ups that the flow cache answered'),
  counter('worker_cpu_seconds', 'Processor time of a worker', WORKER, ({ workers }) =>
    workers.flatMap(({ worker, cpuSeconds }) => (cpuSeconds === undefined ? [] : [[{ worker }, cpuSeconds] as const])),
  ),
  sizes('receive_batch_datagrams', 'batches', 'receivedDatagrams', 'Datagrams of a receive batch'),
  sizes('written_frame_segments', 'written', 'framesWritten', 'Frames that were merged into one that was written'),
  sizes('sent_message_datagrams', 'sent', 'sentDatagrams', 'Datagrams that one message to the underlay became'),
  gauge('process_start_time_seconds', 'Start of the process, in seconds since the epoch', [], ({ process }) => [
    [{}, process.started / 1000],
  ]),
  {
    ...counter('', 'Processor time of the whole process', [], ({ process }) => [[{}, process.cpuSeconds]]),
    name: 'process_cpu_seconds_total',
  },
  gauge('process_resident_memory_bytes', 'Memory of the process', [], ({ process }) => [[{}, process.residentBytes]]),
  gauge('process_open_fds', 'Open descriptors', [], ({ process }) => [[{}, process.descriptors]]),
  gauge('nodejs_heap_used_bytes', 'JavaScript heap of the control thread', [], ({ process }) => [
    [{}, process.heapBytes],
  ]),
];

/** What there is, for the documentation. */
export const METRICS: readonly MetricRow[] = ROWS;

interface Sample {
  readonly labels: Labels;
  readonly value: number;
  readonly metricName?: string;
}

function histogramSamples(row: HistogramRow, overview: Overview): Sample[] {
  return [...row.samples(overview)].flatMap(([labels, buckets, sum]) => {
    let below = 0;
    const counted = buckets.map((count, n) => {
      below += count;
      const le = n === buckets.length - 1 ? '+Inf' : 2 ** n;
      return { labels: { ...labels, le }, value: below, metricName: `${row.name}_bucket` };
    });
    return [
      ...counted,
      { labels, value: sum, metricName: `${row.name}_sum` },
      { labels, value: below, metricName: `${row.name}_count` },
    ];
  });
}

/** Counts that were made elsewhere: prom-client's own classes cannot be given them, or only one by one, by a hash of their labels. */
function metricOf(row: ValueRow | HistogramRow, overview: Overview): Metric {
  const values =
    row.type === 'histogram'
      ? histogramSamples(row, overview)
      : Array.from(row.samples(overview), ([labels, value]): Sample => ({ labels, value }));
  const said = { name: row.name, help: row.help, type: row.type, aggregator: 'sum', values };
  return Object.assign(Object.create(null), said, { get: async () => said, reset: () => undefined }) as Metric;
}

/** The text of a scrape, and its content type. Between any two metrics the thread may do other things. */
export async function scrape(overview: Overview): Promise<{ readonly type: string; readonly text: string }> {
  const registry = new Registry();
  const texts: string[] = [];
  for (const row of ROWS) {
    await setImmediate();
    registry.registerMetric(metricOf(row, overview));
    texts.push(await registry.getSingleMetricAsString(row.name));
    registry.removeSingleMetric(row.name);
  }
  return { type: registry.contentType, text: `${texts.join('\n\n')}\n` };
}
