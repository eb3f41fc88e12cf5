// The same commands on TAPs of the kernel and on vtep's rules: what `tc monitor` says of both. The kernel has no
// flower here, so a BPF program that matches everything stands for it, and keys are left out of the comparison.
import test from 'ava';
import { LinearTable } from '../classifier/linear/linear-table.js';
import { hasKernelMirred, runInNamespace } from '../iproute/kernel-oracle.test.helper.js';
import { parseLine } from '../iproute/parse.js';
import { printMonitorEvent } from '../iproute/print-monitor.js';
import { EventLog } from './events.js';
import { Bench, FakeDevices } from './kit.test.helper.js';

const works =
  process.getuid?.() === 0 &&
  (() => {
    try {
      return runInNamespace([
        'ip tuntap add dev x mode tap; tc qdisc add dev x clsact; tc filter add dev x ingress bpf bytecode "1,6 0 0 0," && echo yes',
      ])[0]?.includes('yes');
    } catch {
      return false;
    }
  })() === true;

/** What the system's `tc monitor` prints while these lines are carried out. */
function kernelSays(options: string, lines: readonly string[]): string {
  const step = lines.map((line) => `tc ${line.replace(' flower', ' bpf bytecode "1,6 0 0 0,"')}`);
  const [said = ''] = runInNamespace([
    [
      'for dev in vxlan0 tap0 tap1 mark; do ip tuntap add dev $dev mode tap; done',
      `file=$(mktemp); tc ${options} monitor > $file & monitor=$!`,
      // Until it listens, what is done before it goes unheard.
      'until [ -s $file ]; do tc qdisc add dev mark clsact; tc qdisc del dev mark clsact; done',
      ...step,
      'tc qdisc add dev mark ingress',
      'until grep -q "qdisc ingress ffff: dev mark" $file; do :; done',
      'kill $monitor; cat $file; rm $file',
    ].join('\n'),
  ]);
  // The marks go, and with each the statistics behind it.
  return said.replace(/^.* dev mark .*\n( .*\n)*/gm, '').trim();
}

/** What vtep's says. */
async function vtepSays(options: readonly string[], lines: readonly string[]): Promise<string> {
  const log = new EventLog();
  const bench = new Bench(() => new LinearTable(), new FakeDevices(), log);
  const command = parseLine('tc', [...options, 'monitor']);
  if (command.kind !== 'monitor') throw new Error('no monitor');
  const listener = log.listen(command.request, () => undefined);
  let said = '';
  for (const line of lines) {
    bench.tc(line.replace(' flower', ` flower src_mac 02:00:00:00:00:${lines.indexOf(line)}`));
    await bench.rules.commit();
    for (let timed = listener.read(); timed; timed = listener.read()) {
      said += printMonitorEvent(timed, command.request);
    }
  }
  return said.trim();
}

/** Heads of filters, and all of everything else; keys and what hardware does are the kinds'. */
function heads(text: string): string[] {
  return text
    .split('\n')
    .filter((line) => !/^ {2}(eth_type|src_mac|not_in_hw)|^$/.test(line))
    .map((line) => line.replace(/ bpf /, ' flower ').replace(/( handle 0x[0-9a-f]+ ).*/, '$1'));
}

const filters = [
  'qdisc add dev vxlan0 clsact',
  'filter add dev vxlan0 ingress protocol ip pref 1 handle 1 flower',
  'filter add dev vxlan0 ingress protocol ip pref 1 handle 2 flower',
  'filter replace dev vxlan0 ingress protocol ip pref 2 handle 2 flower',
  'filter replace dev vxlan0 ingress protocol ip pref 2 flower',
  'filter add dev vxlan0 ingress protocol ip pref 2 chain 3 flower',
  'filter del dev vxlan0 ingress protocol ip pref 1 handle 1 flower',
  'filter del dev vxlan0 ingress protocol ip pref 2',
  'filter del dev vxlan0 ingress protocol ip pref 1 handle 2 flower',
  'filter del dev vxlan0 ingress pref 2 chain 3',
  'filter add dev vxlan0 ingress protocol ip pref 1 flower',
  'filter add dev vxlan0 ingress protocol ipv6 pref 2 flower',
  'filter add dev vxlan0 ingress protocol ip pref 5 chain 9 flower',
  'filter del dev vxlan0 ingress',
  'filter del dev vxlan0 ingress chain 9',
  'chain add dev vxlan0 ingress chain 4',
  'filter add dev vxlan0 ingress protocol ip pref 2 chain 4 flower',
  'filter del dev vxlan0 ingress chain 4',
  'filter add dev vxlan0 ingress protocol ip pref 3 chain 4 flower',
  'filter add dev vxlan0 ingress protocol ip pref 4 chain 4 flower',
  'chain del dev vxlan0 ingress chain 4',
  'chain add dev vxlan0 ingress chain 7',
  'chain del dev vxlan0 ingress chain 7',
  'filter add dev vxlan0 ingress flower',
  'filter add dev vxlan0 ingress flower',
  'qdisc replace dev vxlan0 clsact',
  'qdisc del dev vxlan0 clsact',
  'qdisc add dev tap0 ingress',
  'filter add dev tap0 parent ffff: protocol all pref 1 flower',
  'filter add dev tap0 ingress protocol all pref 1 flower',
  'filter del dev tap0 ingress protocol all pref 1 handle 1 flower',
  'qdisc del dev tap0 ingress',
];

if (works) {
  test('changes of qdiscs, chains and filters are told as the kernel and tc tell of them', async (t) => {
    // A flower filter is changed by one of the same mask; the stand-in has none.
    const expected = heads(kernelSays('', filters));
    t.deepEqual(heads(await vtepSays([], filters)), expected);
    t.true(expected.length > 40, `${expected.length}`);
  });

  test('qdiscs are told of with their statistics where those are asked for', async (t) => {
    const lines = ['qdisc add dev vxlan0 clsact', 'qdisc del dev vxlan0 clsact', 'qdisc add dev tap0 ingress'];
    t.is(await vtepSays(['-s'], lines), kernelSays('-s', lines));
  });
} else
  test.skip('changes are told as the kernel and tc tell of them (no kernel to compare with here)', () => undefined);

(works && hasKernelMirred ? test : test.skip)(
  'changes of actions are told as the kernel and tc tell of them',
  async (t) => {
    const lines = [
      'actions add action mirred egress redirect dev tap1 index 5',
      'actions add action mirred egress redirect dev tap1 index 6 action mirred egress mirror dev tap0 index 7 cookie ab',
      'actions replace action mirred egress mirror dev tap1 index 5',
      'actions replace action mirred egress mirror dev tap1 index 15',
      'actions change action mirred egress redirect dev tap0 index 5',
      'actions del action mirred index 5',
      'actions del action mirred index 6 action mirred index 7',
      'actions flush action mirred',
      'actions add action mirred egress redirect dev tap1 index 1',
      'actions add action mirred egress redirect dev tap1 index 2',
      'actions flush action mirred',
      'actions flush action mirred',
    ];
    const expected = kernelSays('', lines);
    t.true(expected.includes('Flushed table  mirred (2 entries)'), expected);
    t.is(await vtepSays([], lines), expected);
  },
);
