import test from 'ava';
import { CommandError } from '../../iproute/commands.js';
import { buildFrame } from '../../offload/test-frames.js';
import { jsonResults, junitResults, printResults, tapResults } from './print-results.js';
import { readTests } from './read-tests.js';
import { type CaseResult, runCase } from './run-case.js';

const RULES = `rules: |
  ip link add vxlan0 type vxlan external dstport 4789
  ip tuntap add dev tap0 mode tap
  ip link set vxlan0 up
  ip link set tap0 up
  tc qdisc add dev vxlan0 ingress
  tc qdisc add dev tap0 ingress
  tc filter add dev vxlan0 ingress protocol ip pref 1 flower enc_key_id 4 ip_proto tcp dst_port 22 action drop
  tc filter add dev vxlan0 ingress protocol ip pref 1 flower enc_key_id 5 ip_proto tcp dst_port 23 action drop
  tc filter add dev vxlan0 ingress protocol all pref 2 flower enc_key_id 4 action tunnel_key unset pipe action mirred egress redirect dev tap0
  tc filter add dev tap0 ingress protocol all pref 1 flower action tunnel_key set src_ip 10.0.0.1 dst_ip 10.0.0.14 id 4 dst_port 4790 action mirred egress redirect dev vxlan0
`;
const WEB = 'dev vxlan0 enc_key_id 4 ip_proto tcp dst_port 80';
const SSH = 'dev vxlan0 enc_key_id 4 ip_proto tcp dst_port 22';
const FROM_TAP = 'dev tap0 ip_proto udp dst_port 53';
const noCaptures = (): never => {
  throw new Error('no captures');
};

/** Lines of one case of which `name` is not said, or all of them. */
async function run(cases: string): Promise<CaseResult[]> {
  const tests = readTests(`${RULES}cases:\n${cases}`, 'tests.yaml', () => '');
  const results: CaseResult[] = [];
  for (const one of tests.cases) results.push(await runCase(tests, one, noCaptures));
  return results;
}

const holding: readonly (readonly [what: string, packet: string, expect: string])[] = [
  ['the device that a frame leaves by', WEB, '{ device: tap0 }'],
  [
    'fields of a frame that leaves',
    WEB,
    '{ out: { device: tap0, to: host, dst_port: 80, ip_ttl: 0x40, vlan_id: null } }',
  ],
  [
    'outer addresses, port and VNI of what leaves into the tunnel, and the inner fields',
    FROM_TAP,
    '{ out: [{ device: vxlan0, to: tunnel, enc_key_id: 4, enc_src_ip: 10.0.0.1, enc_dst_ip: 10.0.0.14, enc_dst_port: 4790, dst_port: 53 }] }',
  ],
  ['that nothing leaves, and why', SSH, '{ out: [], drop: action-drop, verdict: drop }'],
  ['the number of frames', WEB, '{ frames: 1 }'],
  ['which rule matched', SSH, '{ match: pref 1 handle 0x1 }'],
  ['which rule of which device and chain matched', SSH, '{ match: dev vxlan0 chain 0 pref 1 }'],
  [
    'the counters of rules',
    SSH,
    '{ counters: [{ dev: vxlan0, pref: 1, handle: 1, packets: 1, bytes: 46, drops: 1 }, { dev: vxlan0, pref: 2, packets: 0 }] }',
  ],
];

for (const [what, packet, expect] of holding) {
  test(`a case may expect ${what}`, async (t) => {
    const [result] = await run(`  - packet: ${packet}\n    expect: ${expect}\n`);
    t.deepEqual(result, { name: 'case 1', line: 13, ok: true, failures: [], traces: [] });
  });
}

const failing: readonly (readonly [packet: string, expect: string, ...failures: string[]])[] = [
  [WEB, '{ device: vxlan0 }', 'expected device vxlan0, and it left by tap0'],
  [WEB, '{ out: [] }', 'expected nothing to leave, and 1 left, by tap0'],
  [SSH, '{ device: tap0 }', 'expected 1 to leave, by tap0, and nothing left'],
  [SSH, '{ frames: 1 }', 'expected 1 frames to leave, and there are 0'],
  [WEB, '{ out: { device: tap0, dst_port: 81 } }', 'expected dst_port 81, and it is 80'],
  [WEB, '{ out: { device: tap0, vlan_id: 5 } }', 'expected vlan_id 5, and there is none'],
  [WEB, '{ out: { device: tap0, dst_port: null } }', 'expected no dst_port, and it is 80'],
  [FROM_TAP, '{ out: { device: vxlan0, enc_key_id: 5 } }', 'expected enc_key_id 5, and it is 4'],
  [WEB, '{ drop: action-drop }', 'expected a drop as action-drop, and nothing was dropped'],
  [SSH, '{ drop: police-exceed }', 'expected a drop as police-exceed, and there was action-drop'],
  [SSH, '{ verdict: pass }', 'expected verdict pass, and it was drop'],
  [WEB, '{ match: pref 1 }', 'expected a match of pref 1, and there was dev vxlan0 chain 0 pref 2 handle 1'],
  [
    'dev vxlan0 enc_key_id 9 ip_proto tcp',
    '{ match: pref 1, verdict: drop }',
    'expected verdict drop, and no rule matched',
    'expected a match of pref 1, and no rule matched',
  ],
  [
    SSH,
    '{ counters: [{ dev: vxlan0, pref: 2, packets: 1 }] }',
    'expected 1 packets at dev vxlan0 ingress chain 0 pref 2, and there are 0',
  ],
];

for (const [packet, expect, ...failures] of failing) {
  test(`of ${packet} ${expect} is not so: ${failures.join('; ')}`, async (t) => {
    const [result] = await run(`  - packet: ${packet}\n    expect: ${expect}\n`);
    t.deepEqual(result?.failures, failures);
    t.is(result?.traces.length, 1);
  });
}

test('packets of a case that merges leave as one frame, and as many without', async (t) => {
  const packets = [0, 1, 2].map((n) => {
    const payload = new Uint8Array(100);
    const frame = buildFrame({ protocol: 'tcp', flags: 0x10, sequence: 1000 + n * payload.length, id: n, payload });
    return `      - dev tap1 hex ${Buffer.from(frame).toString('hex')}\n`;
  });
  const text = (merge: boolean): string => `rules: |
  ip tuntap add dev tap0 mode tap
  ip tuntap add dev tap1 mode tap
  ip link set tap0 up
  ip link set tap1 up
  tc qdisc add dev tap1 ingress
  tc filter add dev tap1 ingress protocol all pref 1 flower action mirred egress redirect dev tap0
cases:
  - packets:
${packets.join('')}    merge: ${merge}
    expect: { frames: ${merge ? 1 : 3} }
`;
  for (const merge of [true, false]) {
    const tests = readTests(text(merge), 'merge.yaml', () => '');
    const [one] = tests.cases;
    if (!one) throw new Error('no case');
    t.deepEqual((await runCase(tests, one, noCaptures)).failures, []);
  }
});

test('each case begins anew: nothing is learned or counted from one to the next', async (t) => {
  const one = `  - packet: ${SSH}\n    expect: { counters: [{ dev: vxlan0, pref: 1, handle: 1, packets: 1 }] }\n`;
  t.deepEqual(
    (await run(one + one)).map(({ ok }) => ok),
    [true, true],
  );
});

const refused: readonly (readonly [cases: string, message: string])[] = [
  [
    `  - packet: ${WEB}\n    expct: 1\n`,
    'tests.yaml:14:5: "expct" is not understood (did you mean "expect"?); known are name, packet, packets, repeat, merge, expect',
  ],
  [`  - packet: ${WEB}\n`, 'tests.yaml:13:5: "expect" is missing'],
  [
    `  - packet: ${WEB}\n    expect: { frames: 1 }\n---\ncases: []\n`,
    'tests.yaml:15:1: a second document begins here: a file is one',
  ],
  ['  - expect: { frames: 1 }\n', 'tests.yaml:13:5: a case has either a "packet" or "packets"'],
  [`  - packet: ${WEB}\n    expect: {}\n`, 'tests.yaml:14:13: nothing is expected'],
  [
    `  - packet: ${WEB}\n    expect: { drop: action-dropp }\n`,
    'tests.yaml:14:21: there is no reason "action-dropp" (did you mean "action-drop"?) (docs/drops.md)',
  ],
  [
    `  - packet: ${WEB}\n    expect: { verdict: shot }\n`,
    'tests.yaml:14:24: there is no verdict "shot"; there are continue, pass, reclassify, drop, pipe, stolen, trap, goto',
  ],
  [`  - packet: ${WEB}\n    expect: { frames: -1 }\n`, 'tests.yaml:14:23: a whole number from 0 on is wanted here'],
  [
    `  - packet: ${WEB}\n    expect: { device: tap9 }\n`,
    'tests.yaml:14:23: no line of the rules makes a device "tap9" (did you mean "tap0"?); there are vxlan0, tap0',
  ],
  [
    '  - packet: dev vxlan0 dst_prt 80\n    expect: { frames: 1 }\n',
    'tests.yaml:13:13: What is "dst_prt"? (did you mean "dst_port"?)',
  ],
  [
    `  - packet: ${WEB}\n    expect: { counters: [{ dev: vxlan0, pref: 7, packets: 1 }] }\n`,
    'tests.yaml:14:26: no line of the rules makes a filter dev vxlan0 ingress chain 0 pref 7',
  ],
  [
    `  - packet: ${WEB}\n    expect: { counters: [{ dev: vxlan0, pref: 1, packets: 1 }] }\n`,
    'tests.yaml:14:26: there are 2 filters dev vxlan0 ingress chain 0 pref 1: say which by "handle"',
  ],
  [`  - packet: ${WEB}\n    expect: [\n`, 'tests.yaml:15:1: '],
];

for (const [cases, message] of refused) {
  test(`a file is refused as ${message}`, async (t) => {
    const error = await t.throwsAsync(run(cases), { instanceOf: CommandError });
    t.true(error?.message.startsWith(message), error?.message);
    t.is(error?.exitCode, 2);
  });
}

test('rules that a line of them is wrong in are refused, and the line named', async (t) => {
  const tests = readTests(
    '{"rules": "no.batch", "cases": [{"packet": "dev tap0", "expect": {"frames": 0}}]}',
    'tests.json',
    () => 'ip lnk add tap0 type tap\n',
  );
  const [one] = tests.cases;
  if (!one) throw new Error('no case');
  const error = await t.throwsAsync(runCase(tests, one, noCaptures), { message: /Command failed no\.batch:1/ });
  t.is((error as CommandError).exitCode, 2);
});

test('results are text, TAP, JUnit and JSON', async (t) => {
  const cases = await run(
    `  - name: "web & <mail>"\n    packet: ${WEB}\n    expect: { device: tap0 }\n  - name: ssh\n    packet: ${SSH}\n    expect: { device: tap0 }\n`,
  );
  const results = [{ file: 'tests.yaml', cases }];
  const text = printResults(results);
  t.true(
    text.startsWith(
      'ok      web & <mail>\nnot ok  ssh (tests.yaml:16)\n        expected 1 to leave, by tap0, and nothing left\n        | from the underlay',
    ),
    text,
  );
  t.true(text.endsWith('1 of 2 cases does not hold\n'));
  t.is(
    tapResults(results),
    'TAP version 13\n1..2\nok 1 - web & <mail>\nnot ok 2 - ssh\n  ---\n  at: "tests.yaml:16"\n  failures:\n    - "expected 1 to leave, by tap0, and nothing left"\n  ...\n',
  );
  const junit = junitResults(results);
  t.regex(junit, /<testsuite name="tests.yaml" tests="2" failures="1">/);
  t.regex(junit, /<testcase name="web &amp; &lt;mail&gt;" classname="tests.yaml" file="tests.yaml" line="13"\/>/);
  t.regex(junit, /<failure message="expected 1 to leave, by tap0, and nothing left">/);
  t.like(JSON.parse(jsonResults(results)), {
    ok: false,
    files: [{ file: 'tests.yaml', cases: [{ ok: true }, { ok: false, name: 'ssh' }] }],
  });
});

test('a file that names itself over and over is refused, however much it would come to', (t) => {
  const levels = Array.from({ length: 12 }, (_, n) => {
    const of = n === 0 ? '{ device: tap0 }' : `*l${n - 1}`;
    return `  - packet: ${WEB}\n    expect: { out: &l${n} [${new Array(10).fill(of).join(', ')}] }\n`;
  });
  const error = t.throws(() => readTests(`${RULES}cases:\n${levels.join('')}`, 'tests.yaml', () => ''));
  t.true(error instanceof CommandError, error?.stack);
  t.regex(error?.message ?? '', /tests\.yaml:\d+/);
});

test('a line of rules that stands in the file itself is named by its place there', async (t) => {
  const text = `# two lines
# before
rules: |
  ip link add vxlan0 type vxlan external dstport 4789

  tc filter add dev vxlan9 ingress flower action drop
cases:
  - packet: ${WEB}
    expect: { frames: 0 }
`;
  const tests = readTests(text, 'tests.yaml', () => '');
  const [one] = tests.cases;
  if (!one) throw new Error('no case');
  await t.throwsAsync(runCase(tests, one, noCaptures), { message: /Command failed tests\.yaml:6/ });
});
