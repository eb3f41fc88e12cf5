import test from 'ava';
import { LogOutput } from './log-output.js';

test('while nobody reads no more than a little waits, and afterwards it is told what was left out', (t) => {
  const written: string[] = [];
  const stream = {
    writableLength: 0,
    write(text: string): void {
      written.push(text);
      this.writableLength += text.length;
    },
  };
  const log = new LogOutput(stream);
  const line = `${'x'.repeat(999)}\n`;
  for (let n = 0; n < 10_000; n++) log.write(line);
  t.true(stream.writableLength < 1.1 * 1024 * 1024);
  const kept = written.length;
  stream.writableLength = 0;
  log.write('again\n');
  log.write('and again\n');
  t.deepEqual(written.slice(kept), [
    `vtep: ${10_000 - kept} messages were left out, because nobody read them\n`,
    'again\n',
    'and again\n',
  ]);
});
