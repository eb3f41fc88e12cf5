import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { CommandError } from '../iproute/commands.js';
import { runHostTool } from './host-tool.js';
import type { Reply } from './protocol.js';

const PATH = process.env.PATH;
test.afterEach.always(() => {
  process.env.PATH = PATH;
});

/** Puts a shell script in the place of the system's `ip`. */
function withIp(t: ExecutionContext, script: string): void {
  const folder = mkdtempSync(join(tmpdir(), 'vtep-tool-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  writeFileSync(join(folder, 'ip'), `#!/bin/sh\n${script}\n`);
  chmodSync(join(folder, 'ip'), 0o755);
  process.env.PATH = `${folder}${delimiter}${PATH}`;
}

async function run(argv: string[], signal?: AbortSignal): Promise<{ out: string; err: string; failure: unknown }> {
  let out = '';
  let err = '';
  const say = (reply: Reply): void => {
    if ('out' in reply) out += reply.out;
    if ('err' in reply) err += reply.err;
  };
  const failure = await runHostTool('ip', argv, say, signal).catch((error: unknown) => error);
  return { out, err, failure };
}

test.serial('what the tool prints is passed on, word by word as it was given', async (t) => {
  withIp(t, 'for word; do echo "<$word>"; done; echo err >&2');
  t.deepEqual(await run(['addr', 'a b', '$HOME', '']), {
    out: '<addr>\n<a b>\n<$HOME>\n<>\n',
    err: 'err\n',
    failure: undefined,
  });
});

test.serial('its exit code is passed on, with no words of vtep’s own', async (t) => {
  withIp(t, 'echo "Cannot find device" >&2; exit 3');
  const { err, failure } = await run([]);
  t.is(err, 'Cannot find device\n');
  t.like(failure, { name: 'CommandError', message: '', exitCode: 3 });
});

test.serial('it gets no input', async (t) => {
  withIp(t, 'cat; echo end');
  t.is((await run([])).out, 'end\n');
});

test.serial('a tool that a signal ended is named', async (t) => {
  withIp(t, 'kill -KILL $$');
  t.like((await run([])).failure, { exitCode: 1, message: "vtep: the system's ip was ended by SIGKILL" });
});

test.serial('a tool that is not there is named', async (t) => {
  withIp(t, '');
  process.env.PATH = '/nonexistent';
  // Debian has ip in /usr/sbin or /sbin, which are looked at in any case: then it runs.
  const { failure } = await run(['-Version']);
  t.true(failure === undefined || /the system's ip could not be run/.test(String(failure)));
});

test.serial('a word that no command line can hold is named', async (t) => {
  withIp(t, 'echo ran');
  const { out, failure } = await run(['link', 'a\0b']);
  t.is(out, '');
  t.like(failure, { exitCode: 1, message: 'vtep: "a\\u0000b" holds a NUL, which no command line can' });
});

/** Resolves when no process of this id is there. */
async function gone(pid: number): Promise<void> {
  const end = Date.now() + 5000;
  for (;;) {
    try {
      process.kill(pid, 0);
    } catch {
      return;
    }
    if (Date.now() > end) throw new Error(`${pid} is still there`);
    await setImmediate();
  }
}

test.serial('it is ended when the daemon stops, with all that it has started', async (t) => {
  withIp(t, 'sleep 60 & echo $!; exec sleep 60');
  const stop = new AbortController();
  let child = 0;
  const running = runHostTool(
    'ip',
    [],
    (reply) => {
      if (!('out' in reply)) return;
      child = Number(reply.out);
      stop.abort();
    },
    stop.signal,
  );
  await t.throwsAsync(running, { name: 'CommandError', message: "vtep: the system's ip was ended: vtep is stopping" });
  t.true(child > 0);
  await gone(child);
});

test.serial('one that does not hear is killed', async (t) => {
  withIp(t, 'trap "" TERM; echo ready; sleep 60; sleep 60');
  const stop = new AbortController();
  const running = runHostTool('ip', [], () => stop.abort(new CommandError('enough', 1)), stop.signal);
  await t.throwsAsync(running, { message: "vtep: the system's ip was ended: enough" });
});

test.serial('one that takes too long is ended, and says so', async (t) => {
  withIp(t, 'sleep 60');
  await t.throwsAsync(
    runHostTool('ip', [], () => undefined, undefined, 50),
    {
      message: "vtep: the system's ip was ended: it took longer than 0.05 seconds",
    },
  );
});

test.serial('what it leaves in the background keeps nobody waiting, and goes on', async (t) => {
  withIp(t, 'sleep 60 & echo $!');
  const { out, failure } = await run([]);
  t.is(failure, undefined);
  const child = Number(out);
  t.notThrows(() => process.kill(child, 'SIGKILL'));
  await gone(child);
});

test.serial('nothing is begun for a daemon that is stopping', async (t) => {
  withIp(t, 'echo ran');
  const { out, failure } = await run([], AbortSignal.abort());
  t.is(out, '');
  t.like(failure, { exitCode: 1, message: "vtep: the system's ip was not run: vtep is stopping" });
});
