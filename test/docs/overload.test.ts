// docs/overload.md: the bounds that it tells are those in the source. Most are nobody's but their file's: they are read there.
import test from 'ava';
import { read } from './markdown.js';

const MIB = 1024 * 1024;

/** What a line of source says behind this: numbers, and products and powers of them. */
function numberIn(file: string, before: string): number {
  const source = read(`src/${file}`);
  const at = source.indexOf(before);
  const [, text = ''] = at < 0 ? [] : (/^([\d_.* A-Z]+?)(?:[;,]| \})/.exec(source.slice(at + before.length)) ?? []);
  const words = text.replaceAll('_', '').replaceAll('MAXREQUEST', String(MIB)).split(' ');
  let value = Number(words[0]);
  for (let n = 1; n + 1 < words.length; n += 2)
    value = words[n] === '**' ? value ** Number(words[n + 1]) : value * Number(words[n + 1]);
  if (!(value > 0)) throw new Error(`src/${file} has no "${before}": ${text}`);
  return value;
}

/** Rows by their beginning, and where each number of theirs is, in the order of the page. */
const BOUNDS: readonly (readonly [row: string, ...places: (readonly [file: string, before: string])[]])[] = [
  ['a UDP socket’s receive queue', ['control/vxlan-sockets.ts', 'RECEIVE_BUFFER = ']],
  ['a UDP socket’s send queue', ['control/vxlan-sockets.ts', 'SEND_BUFFER = ']],
  [
    'a batch',
    ['dataplane/engine-parts.ts', 'MESSAGES = '],
    ['dataplane/host-frames.ts', 'TAP_FRAMES = '],
    ['dataplane/engine-parts.ts', 'PACKETS = '],
  ],
  ['rewriting frames that were mirrored', ['dataplane/engine-parts.ts', 'SCRATCH_BYTES = ']],
  ['copies of one frame by mirred', ['actions/execute.ts', 'COPY_LIMIT = '], ['actions/execute.ts', 'NEST_LIMIT = ']],
  [
    '`goto chain` and `reclassify` of one frame',
    ['dataplane/classify.ts', 'RECLASSIFY_LIMIT = '],
    ['actions/execute.ts', 'JUMP_LIMIT = '],
  ],
  ['turns between vxlan devices of this host', ['dataplane/engine.ts', 'LOCAL_LIMIT = ']],
  ['tunnels within tunnels', ['dataplane/nested-tunnels.ts', 'NESTED_TUNNELS = ']],
  ['copies of a broadcast frame', ['devices/fdb-layout.ts', 'ENTRY_REMOTES = ']],
  ['what a TAP’s frames may become at a time', ['dataplane/host-frames.ts', 'TAP_MESSAGES = ']],
  ['notices of what was learned', ['devices/fdb-layout.ts', 'FDB_EVENTS = ']],
  ['VNIs in filters', ['memory/vni-counters.ts', 'MAX_VNIS = ']],
  ['devices', ['memory/counters.ts', 'MAX_DEVICES = ']],
  ['questions about routes', ['dataplane/underlay-paths.ts', 'BUDGET = ']],
  ['answers "too big"', ['dataplane/inbound.ts', 'ANSWERS = '], ['dataplane/inbound.ts', 'BUDGET = ']],
  ['samples', ['memory/sample-ring.ts', '\nconst SLOTS = ']],
  ['TAPs of a mirror receiver', ['dataplane/mirror-taps.ts', 'HELD_FRAMES = ']],
  ['control connections', ['control/server.ts', 'BOUNDS: ServerBounds = { clients: ']],
  ['a request; unfinished ones', ['control/protocol.ts', 'MAX_REQUEST = '], ['control/server.ts', ', unfinished: ']],
  [
    'a batch in several requests',
    ['control/gather-batch.ts', 'BatchBounds = { lines: '],
    ['control/gather-batch.ts', ', characters: '],
  ],
  ['events for monitors', ['control/events.ts', 'EVENTS_HELD = ']],
];

test('every number in the table of bounds is the one in the source', (t) => {
  const page = read('docs/overload.md').replaceAll("'", '’');
  const rows = [...page.matchAll(/^\| (.*?) \| (.*?) \|/gm)].map(([, what = '', bound = '']) => ({ what, bound }));
  for (const [row, ...places] of BOUNDS) {
    const found = rows.filter(({ what }) => what === row || (row !== 'a batch' && what.startsWith(row)));
    t.is(found.length, 1, row);
    const said = [...(found[0]?.bound ?? '').matchAll(/(\d[\d,]*)( MiB)?/g)].map(
      ([, number = '', unit]) => Number(number.replaceAll(',', '')) * (unit === undefined ? 1 : MIB),
    );
    t.deepEqual(
      said,
      places.map(([file, before]) => numberIn(file, before)),
      row,
    );
  }
  // Without a number of the source's own, or with two of which one is a sum.
  const [tables = ''] = rows.filter(({ what }) => what === 'forwarding tables').map(({ bound }) => bound);
  const entries = numberIn('devices/fdb-layout.ts', 'FDB_ENTRIES = ');
  t.regex(
    tables,
    new RegExp(`^${entries.toLocaleString('en')} entries, ${(entries + 32_768).toLocaleString('en')} dest`),
  );
  t.true(read('src/devices/fdb-layout.ts').includes('FDB_REMOTES = FDB_ENTRIES + 32_768'));
});
