// Rules that come and go one by one while frames pass: none is lost to it, and what is in force at the end is right.
import { Daemon } from './daemon.js';
import { rooted, twoHosts } from './rooted.js';
import { INNER } from './topology.js';
import { ping } from './traffic.js';
import { Updates } from './update-rules.js';

const UPDATES = 3000;

rooted(`${UPDATES} single-rule updates while pings pass lose none of them`, async (t) => {
  const topology = await twoHosts(t);
  const daemon = await Daemon.start(topology);
  const updates = new Updates(topology.b, 'vxlan0');
  t.teardown(() => updates.close());
  let isDone = false;
  const updated = updates.run(UPDATES).finally(() => {
    isDone = true;
  });
  let sent = 0;
  let received = 0;
  do {
    const result = await ping(topology.a, INNER[4].b, { count: 200, interval: 0.002 });
    sent += result.sent;
    received += result.received;
  } while (!isDone);
  await updated;
  t.is(received, sent);
  t.log(`${sent} pings`);
  // The last round was one of deletions: only the topology's own filter is left.
  const shown = await daemon.do('tc filter show dev vxlan0 ingress');
  t.is(shown.match(/ handle 0x/g)?.length, 1);
  t.is((await daemon.drops())('unmatched'), 0);
});
