// The end waits for what is in queues, and not for ever.
import { closeSync, openSync } from 'node:fs';
import test, { type ExecutionContext } from 'ava';
import { drain } from './drain.js';

const NO_HURRY = new AbortController().signal;

/** A descriptor; of /dev/zero, that there is always something to read from it. */
function opened(t: ExecutionContext, path: string): number {
  const fd = openSync(path, 'r');
  t.teardown(() => closeSync(fd));
  return fd;
}

test('where nothing waits it is over at once', async (t) => {
  t.true(await drain({ receiveFds: [], tapFds: [], hurry: NO_HURRY }));
});

test('what is never empty is left when the time is up, or somebody is in a hurry', async (t) => {
  const fd = opened(t, '/dev/zero');
  t.false(await drain({ receiveFds: [], tapFds: [fd], hurry: NO_HURRY, limit: 5 }));
  t.false(await drain({ receiveFds: [fd], tapFds: [], hurry: NO_HURRY, limit: 5 }));
  t.false(await drain({ receiveFds: [], tapFds: [fd], hurry: AbortSignal.abort() }));
});
