// The first command of README.md, in its shortest form: a second of iperf3 each way.
import { join } from 'node:path';
import { Background, succeed } from '../netns/process.js';
import { rooted } from '../netns/rooted.js';
import { blocks, read, root } from './markdown.js';

rooted('npm run demo pings, sends both ways, shows what its filters counted, and leaves nothing behind', async (t) => {
  t.timeout(120_000);
  const [commands] = blocks('README.md').filter(({ language }) => language === 'sh');
  t.deepEqual(
    commands?.lines.map((line) => line.replace(/\s+#.*/, '')),
    ['npm run demo', 'npm test'],
  );
  const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
  t.is(scripts.demo, 'bash scripts/demo.sh');
  const argv = ['bash', join(root, 'scripts/demo.sh'), '--seconds', '1'];
  const demo = new Background(argv);
  t.teardown(() => demo.stop('SIGTERM', 20_000));
  const { code, stdout, stderr } = await demo.exited;
  t.is(code, 0, stderr);
  t.regex(stdout, /^ {2}enc_key_id 4$[\s\S]*^\tSent [1-9]\d+ bytes [1-9]\d+ pkt/m);
  t.regex(stdout, /^ {2}ping +50 of 50 came back/m);
  for (const way of ['host A to vtep', 'vtep to host A'])
    t.regex(stdout, new RegExp(`^ {2}TCP, ${way} +[\\d.]+ [GM]bits/sec$`, 'm'));
  const [, bytes] = /^ {2}counted alike by both actions +(\d+) bytes/m.exec(stdout) ?? [];
  t.true(Number(bytes) > 1e6, stdout);
  t.regex(stdout, /every namespace and device is removed now\s*$/);
  t.notRegex(await succeed(['ip', 'netns', 'list']), new RegExp(`^vtep-${demo.child.pid}-\\d+-demo-`, 'm'));
});
