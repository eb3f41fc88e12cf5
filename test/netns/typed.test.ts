// typed.page against a daemon, in a namespace of its own: what vtep says of every line, and, of those that iproute2
// answers alike, what the system's tools say on devices of the kernel.
import { readFileSync, statSync } from 'node:fs';
import { request } from '../../src/control/client.js';
import { hasKernelVxlan } from '../../src/iproute/kernel-oracle.test.helper.js';
import { Background, run } from './process.js';
import { rooted } from './rooted.js';
import { VTEP } from './topology.js';

interface Line {
  readonly command: string;
  /** What vtep says, the system's tools do not, or cannot here. */
  readonly isOwn: boolean;
  exit: number;
  err: string;
  out: string;
}

function readPage(): Line[] {
  const lines: Line[] = [];
  for (const text of readFileSync('test/netns/typed.page', 'utf8').split('\n')) {
    const said = /^ {2}([=!>]) ?(.*)$/.exec(text);
    const last = lines.at(-1);
    if (said && last) {
      const [, kind, rest = ''] = said;
      if (kind === '=') last.exit = Number(rest);
      else if (kind === '!') last.err += rest.endsWith('…') ? rest : `${rest}\n`;
      else last.out += rest.endsWith('\\') ? rest.slice(0, -1) : `${rest}\n`;
    } else if (text !== '' && !text.startsWith('#')) {
      lines.push({ command: text.replace(/^~ /, ''), isOwn: text.startsWith('~'), exit: 0, err: '', out: '' });
    }
  }
  return lines;
}

/** Usages are each one's own: of them the first word counts. */
function spoken(err: string): string {
  return /^usage/i.test(err) ? 'usage' : err.replace(/^vtep: did you mean.*\n/m, '');
}

const page = readPage();

/** The control socket of a daemon with two TAPs. */
async function daemon(): Promise<{ process: Background; path: string }> {
  const shell = `ip link set lo up; exec ${VTEP} run -b <(echo ip tuntap add tap0 mode tap; echo ip tuntap add tap1 mode tap)`;
  const process = new Background(['unshare', '-n', 'bash', '-c', shell]);
  await process.waitFor(/^vtep: ready/m, 15_000);
  // Every program on the way there executes the next one in its place.
  const { ino } = statSync(`/proc/${process.child.pid}/ns/net`, { bigint: true });
  return { process, path: `/run/vtep/net-${ino}.sock` };
}

rooted(`a page of ${page.length} commands, typed by hand, is answered line by line as it is written`, async (t) => {
  t.true(page.length > 300);
  const { process, path } = await daemon();
  t.teardown(() => process.stop());
  for (const { command, exit, err, out } of page) {
    let said = '';
    let printed = '';
    const output = {
      out: (text: string) => {
        printed += text;
      },
      err: (text: string) => {
        said += text;
      },
    };
    const code = await request(command.split(' '), output, path);
    const told = err.endsWith('…') && said.startsWith(err.slice(0, -1)) ? err : said;
    t.deepEqual([code, told], [exit, err], command);
    if (command.startsWith('tc ') && !err.endsWith('…')) t.is(printed, out, command);
  }
});

if (hasKernelVxlan) {
  rooted('the system’s tools answer the same lines alike', async (t) => {
    const lines = page.map(
      ({ command }) => `timeout 5 ${command} </dev/null >"$o" 2>"$e"; c=$?; cat "$e"; echo ==; cat "$o"; echo "== $c"`,
    );
    const start = 'o=$(mktemp) e=$(mktemp); ip link set lo up; for t in tap0 tap1; do ip tuntap add $t mode tap; done';
    const script = [start, ...lines, 'rm "$o" "$e"'].join('\n');
    const { stdout } = await run(['unshare', '-n', 'bash', '-s'], { input: script, deadlineMs: 55_000 });
    const answers = stdout.split(/^== (\d+)\n/m);
    let alike = 0;
    for (const [i, { command, isOwn, exit, err, out }] of page.entries()) {
      const [said = '', printed] = (answers[2 * i] ?? '').split(/^==\n/m);
      if (isOwn) continue;
      t.deepEqual([Number(answers[2 * i + 1]), spoken(said)], [exit, spoken(err)], command);
      if (command.startsWith('tc ') && !err.endsWith('…')) t.is(printed, out, command);
      alike++;
    }
    t.true(alike > 250, `${alike}`);
  });
}
