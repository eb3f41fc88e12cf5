import test from 'ava';
import { METRICS, scrape } from './metrics.js';
import { OVERVIEW } from './overview.test.helper.js';

/** The lines of a sample, by its name and labels. */
async function samples(overview = OVERVIEW): Promise<Map<string, string>> {
  const { text } = await scrape(overview);
  return new Map(
    text
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'))
      .map((line) => [line.slice(0, line.lastIndexOf(' ')), line.slice(line.lastIndexOf(' ') + 1)]),
  );
}

test('a scrape tells devices, filters, drops, peers and workers with their labels', async (t) => {
  const found = await samples();
  for (const [sample, value] of Object.entries({
    'vtep_device_receive_packets_total{device="vxlan0"}': '1000',
    'vtep_device_transmit_dropped_total{device="vxlan0"}': '3',
    'vtep_device_up{device="tap0"}': '0',
    'vtep_filter_packets_total{device="vxlan0",hook="ingress",chain="0",pref="1",handle="0x1",cookie="abcd"}': '900',
    'vtep_filter_dropped_total{device="vxlan0",hook="egress",chain="2",pref="3",handle="0x1a",cookie=""}': '5',
    vtep_filters: '2',
    'vtep_drops_total{device="tap0",reason="tap-down",verdict="drop"}': '3',
    'vtep_peer_receive_bytes_total{device="vxlan0",vni="4",peer="fd00::1"}': '40000',
    'vtep_worker_cache_hits_total{worker="0"}': '150',
    'vtep_worker_cpu_seconds_total{worker="0"}': '1.5',
    process_cpu_seconds_total: '2',
    process_start_time_seconds: '900',
  }))
    t.is(found.get(sample), value, sample);
});

test('sizes are a histogram whose buckets count all that is smaller', async (t) => {
  const found = await samples();
  const bucket = (le: string): string | undefined =>
    found.get(`vtep_receive_batch_datagrams_bucket{worker="0",le="${le}"}`);
  t.deepEqual(['1', '2', '4', '1024', '+Inf'].map(bucket), ['2', '2', '5', '5', '5']);
  t.is(found.get('vtep_receive_batch_datagrams_count{worker="0"}'), '5');
  t.is(found.get('vtep_receive_batch_datagrams_sum{worker="0"}'), '1000');
});

test('filters beyond the bound are one series', async (t) => {
  const found = await samples({ ...OVERVIEW, others: { count: 5, packets: 17, bytes: 1700, dropped: 2 } });
  t.is(found.get('vtep_filter_packets_total{handle="other"}'), '17');
  t.is(found.get('vtep_filters'), '7');
});

test('each metric has a name of its own, says what it is, and uses the labels that it names', async (t) => {
  t.is(new Set(METRICS.map(({ name }) => name)).size, METRICS.length);
  const { text, type } = await scrape(OVERVIEW);
  t.regex(type, /^text\/plain; version=0\.0\.4/);
  for (const { name, help, labels, type: kind } of METRICS) {
    t.true(text.includes(`# HELP ${name} ${help}\n# TYPE ${name} ${kind}\n`), name);
    const used = new Set(
      [...text.matchAll(new RegExp(`^${name}(?:_bucket)?\\{(.*)\\} `, 'gm'))].flatMap(
        ([, list = '']) => list.match(/\w+(?==")/g) ?? [],
      ),
    );
    used.delete('le');
    t.deepEqual([...used].sort(), [...labels].sort(), name);
  }
});

test('what a label holds is quoted', async (t) => {
  const device = { ...OVERVIEW.devices[0], name: 'a"b\\c' } as (typeof OVERVIEW.devices)[number];
  const found = await samples({ ...OVERVIEW, devices: [device] });
  t.is(found.get('vtep_device_up{device="a\\"b\\\\c"}'), '1');
});
