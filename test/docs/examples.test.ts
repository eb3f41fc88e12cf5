// The README's configuration and commands, run as they stand: host B has vtep, host A the kernel's device.
import { Daemon } from '../netns/daemon.js';
import { rooted, twoHosts } from '../netns/rooted.js';
import { ping } from '../netns/traffic.js';
import { blocks } from './markdown.js';
import { commandOf, Typist } from './typist.js';

const README = blocks('README.md');

function blockWith(language: string, part: string): readonly string[] {
  const found = README.find((block) => block.language === language && block.lines.some((line) => line.includes(part)));
  if (!found) throw new Error(`README has no ${language} block with ${part}`);
  return found.lines;
}

/** What differs from run to run: seconds, counts, and the width of a table's columns. */
function masked(text: string): string {
  return text
    .replace(/(installed|used|firstused) \d+ sec/g, '$1 N sec')
    .replace(/Sent \d+ bytes \d+ pkt/g, 'Sent N bytes N pkt')
    .replace(/ +\d+(?:\.\d)?\/s {2}/g, '  R/s  ')
    .replace(/ +RATE {2}/g, '  RATE  ')
    .replace(/ {2,}\d+ {2}/g, '  N  ')
    .replace(/(DEVICE|REASON) +(?=REASON|COUNT)/g, '$1  ');
}

/** A console block as commands and what is printed after each; `…` stands for more of it. */
function sessions(lines: readonly string[]): { command: string; printed: string[]; isCut: boolean }[] {
  const found: { command: string; printed: string[]; isCut: boolean }[] = [];
  for (const line of lines) {
    const last = found.at(-1);
    if (line.startsWith('$ ')) found.push({ command: line.slice(2), printed: [], isCut: false });
    else if (line === '…' && last) last.isCut = true;
    else last?.printed.push(line);
  }
  return found;
}

rooted('the first configuration of the README carries pings, and its commands print what it shows', async (t) => {
  const topology = await twoHosts(t);
  const { a } = topology;
  t.deepEqual(topology.outer, { a: '192.168.1.14', b: '192.168.1.13' });
  const typist = new Typist(topology.b, 'readme');
  typist.file('first.batch', blockWith('batch', 'enc_key_id 4'));
  const [run = '', ...others] = blockWith('sh', 'vtep run').map(commandOf);
  t.deepEqual(others, []);
  const daemon = await Daemon.of(topology.b, typist.start(run));
  await a.do('ip link del vxlan4'); // the topology's own
  const peer = blockWith('sh', 'ip link add vx4');
  t.is(peer.at(-1), 'ping 10.4.0.13');
  for (const line of peer.slice(0, -1)) await a.do(line);
  const address = '10.4.0.13';
  await ping(a, address, { count: 1 }); // neighbours are found
  t.is((await ping(a, address, { count: 7 })).received, 7);

  const console = sessions(blockWith('console', 'vtep tc'));
  t.true(console.length >= 3);
  for (const { command, printed, isCut } of console) {
    const [vtep = '', ...words] = command.split(' ');
    t.is(vtep, 'vtep');
    const expected = masked(printed.map((line) => `${line}\n`).join(''));
    const said = masked(await daemon.do(words.join(' ')));
    if (isCut) t.is(said.slice(0, expected.length), expected, command);
    else if (words[0] === 'drops')
      for (const line of expected.split('\n')) t.true(said.includes(line), `${line}\n${said}`);
    else t.is(said, expected, command);
    if (words.includes('replace'))
      t.is((await ping(a, address, { count: 3 })).received, 0, 'the rule drops from now on');
  }
});
