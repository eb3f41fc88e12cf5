// What a client that does not read its output costs: filters and actions are fetched as they are taken.
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { TupleSpaceTable } from '../classifier/tuple-space/tuple-space-table.js';
import { actionPieces } from '../iproute/print-actions.js';
import { filterPieces } from '../iproute/print-filter.js';
import { request } from './client.js';
import { ALL, Bench } from './kit.test.helper.js';
import { pour } from './pour.js';
import { ControlServer } from './server.js';

const FILTERS = 20_000;
const output = { statistics: true, details: false, json: false, pretty: false };

/** Characters that the daemon may hold for one client: what the kernel takes, and a few pieces. */
const MOST_HELD = 1_000_000;

test('of 20,000 filters, and of as many actions, a client that does not read has few made', async (t) => {
  const bench = new Bench(() => new TupleSpaceTable());
  bench.tc('qdisc add dev vxlan0 clsact');
  for (let n = 0; n < FILTERS; n++) {
    bench.tc(`filter add dev vxlan0 ingress pref 1 flower enc_key_id ${n} action drop`);
  }
  const { rules } = bench;
  const tables: Record<string, () => Iterable<string>> = {
    filters: () => filterPieces(rules.each(ALL), ALL, output),
    actions: () => actionPieces(rules.actions.each('gact'), output),
  };
  let fetched = 0;
  function* counted(pieces: Iterable<string>): Generator<string> {
    for (const piece of pieces) {
      fetched += piece.length;
      yield piece;
    }
  }
  const folder = mkdtempSync(join(tmpdir(), 'vtep-streams-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, 'x.sock');
  const server = await ControlServer.listen(path, async ([table = ''], say) => {
    if (table === 'ping') return 7;
    await pour(counted(tables[table]?.() ?? []), say).catch(() => undefined);
    return 0;
  });
  t.teardown(() => server.close());
  const silent = { out: () => undefined, err: () => undefined };

  for (const table of ['filters', 'actions']) {
    fetched = 0;
    const socket = connect(path);
    socket.write(`{"argv":["${table}"]}\n`);
    // Nobody listens for data, and so none is read. Others are served meanwhile, and it stands still at some time.
    for (let before = -1; before !== fetched; ) {
      before = fetched;
      t.is(await request(['ping'], silent, path), 7);
    }
    t.true(fetched > 0 && fetched < MOST_HELD, `${table}: ${fetched}`);
    const held = fetched;
    let heard = 0;
    socket.setEncoding('utf8');
    await new Promise<void>((resolve) => {
      socket.on('data', (text: string) => {
        heard += text.length;
        if (text.includes('{"exit":0}')) resolve();
      });
    });
    t.true(fetched > 5 * held, `${table}: ${held} of ${fetched}`);
    t.true(heard > fetched);
    socket.destroy();
  }
});
