// netns-scripts, run by hand as README.md and docs/mirror-receiver.md say: what they print to try works, Ctrl-C removes all.
// (rootless.sh has test/netns/rootless.test.ts.)
import { join } from 'node:path';
import { Background, succeed } from '../netns/process.js';
import { rooted } from '../netns/rooted.js';
import { root } from './markdown.js';

/** Ctrl-C, as a terminal sends it: to the script and all that it waits for. */
async function interrupt(script: Background): Promise<void> {
  if (script.child.pid !== undefined) process.kill(-script.child.pid, 'SIGINT');
  await script.exited;
}

function start(name: string, ...words: string[]): Background {
  return new Background(['setsid', 'bash', join(root, 'netns-scripts', name), ...words]);
}

rooted(
  'netns-scripts/two-hosts.sh run: every line that it prints to try works, and Ctrl-C removes everything',
  async (t) => {
    t.timeout(60_000);
    const script = start('two-hosts.sh', 'run');
    t.teardown(() => script.stop('SIGTERM', 15_000));
    await script.waitFor(/^Ctrl-C removes everything$/m, 30_000);
    const [, toTry = ''] = script.stdout.split('\nto try:\n');
    const lines = toTry.split('\n').filter((line) => line.startsWith('  '));
    t.is(lines.length, 4);
    for (const line of lines) {
      // Shorter than what runs until somebody has seen enough.
      const short = line.replace(/ ping /, ' ping -c 2 ').replace(/(iperf3 -c \S+)/, '$1 -t 1');
      await t.notThrowsAsync(succeed(['sh', '-c', short]), short);
    }
    const [, namespace = '?'] = /^host A {2}namespace (\S+)-a /m.exec(script.stdout) ?? [];
    t.true((await succeed(['ip', 'netns', 'list'])).includes(namespace));
    await interrupt(script);
    t.false((await succeed(['ip', 'netns', 'list'])).includes(namespace));
  },
);

rooted('netns-scripts/mirror.sh: a TAP for each VNI up to max-taps, and Ctrl-C removes everything', async (t) => {
  t.timeout(60_000);
  const script = start('mirror.sh', 'max-taps', '2');
  t.teardown(() => script.stop('SIGTERM', 15_000));
  await script.waitFor(/^Ctrl-C ends it\.$/m, 40_000);
  t.regex(script.stdout, /^mir-42 +UNKNOWN/m);
  t.regex(script.stdout, /^mir-43 +UNKNOWN/m);
  t.notRegex(script.stdout, /^mir-44/m);
  t.regex(script.stdout, /^mir0 +mirror-limit +[1-9]/m);
  const namespace = `mirror-${script.child.pid}-`;
  t.true((await succeed(['ip', 'netns', 'list'])).includes(namespace));
  await interrupt(script);
  t.false((await succeed(['ip', 'netns', 'list'])).includes(namespace));
});
