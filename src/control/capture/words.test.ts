import test from 'ava';
import { CommandError } from '../../iproute/commands.js';
import { CapturePoint, LONGEST_CAPTURE } from '../../memory/capture-ring.js';
import { TABLE_REASONS } from '../../memory/reason-names.js';
import { readCaptureWords } from './words.js';

const read = (line: string): ReturnType<typeof readCaptureWords> =>
  readCaptureWords(
    line.split(' ').filter((word) => word !== ''),
    TABLE_REASONS,
  );

test('nothing said is everything, and what is said is taken', (t) => {
  t.like(read(''), { points: [0, 1, 2, 3, 4, 5], snapLength: LONGEST_CAPTURE, isText: false });
  t.like(read('--at underlay,drop --count 3 --snap 64 --seconds 2 --text dev vxlan0 vni 0x10'), {
    points: [CapturePoint.UNDERLAY_IN, CapturePoint.UNDERLAY_OUT, CapturePoint.DROP],
    ...{ count: 3, snapLength: 64, seconds: 2, isText: true, device: 'vxlan0', vni: 16 },
  });
});

test('a rule is named as it is printed, and only points behind the filters are meant with it', (t) => {
  const request = read('rule dev tap0 egress chain 2 pref 3 handle 0x4 vni 5');
  t.deepEqual(request.rule, { dev: 'tap0', hook: 'egress', chain: 2, pref: 3, handle: 4 });
  t.deepEqual(request.points, [CapturePoint.OUT, CapturePoint.UNDERLAY_OUT, CapturePoint.DROP]);
  t.deepEqual(read('reason unknown-vni').points, [CapturePoint.DROP]);
});

for (const [line, message] of [
  ['foo', /"foo" is none of: dev, vni, rule, reason/],
  ['vnl 4', /did you mean "vni"/],
  ['dev', /"dev" needs a value/],
  ['vni 16777216', /"vni" takes a number from 0 to 16777215, not "16777216"/],
  ['vni x', /not "x"/],
  ['--snap 0', /"--snap" takes a number from 1/],
  ['--at decap,dorp', /--at "dorp" is none of: .*\n.*did you mean "drop"/],
  ['reason unknown-vnl', /is no reason\n.*did you mean "unknown-vni"/],
  ['rule pref 1', /a rule is named as in: rule dev vxlan0/],
  ['rule dev x', /a rule is named as in/],
  ['--at decap rule dev x pref 1', /--at decap comes before the filters/],
  ['--at out reason unknown-vni', /"reason" is about --at drop, not out/],
] as const) {
  test(`refused: ${line}`, (t) => {
    const error = t.throws(() => read(line), { instanceOf: CommandError, message });
    t.is(error?.exitCode, 1);
  });
}
