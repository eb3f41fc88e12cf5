// The kernel's vxlan device is the judge: the same options and the same traffic, the same wire, inner side, entries,
// drops and counters. `npm run compare` prints the same comparison as a table.
import { compareRows, isOf } from './compare/compare.js';
import type { Mode } from './compare/row.js';
import { ROWS } from './compare/rows.js';
import { rooted } from './rooted.js';

const TITLES: Readonly<Record<Mode, string>> = {
  classic: 'a classic device does what the kernel’s of the same words does',
  rules: 'what a rule sends through an external device is what a classic device of the kernel sends',
  routes: 'what a rule sends through an external device is what a route with encap sends through the kernel’s',
};

/** Rows of one test: a pair of hosts each is made for them, and nobody waits long for news. */
const TOGETHER = 7;

for (const underlay of [4, 6] as const) {
  for (const mode of ['classic', 'rules', 'routes'] as const) {
    const rows = ROWS.filter((row) => row.mode === mode && isOf(underlay, row));
    for (let first = 0; first < rows.length; first += TOGETHER) {
      const some = rows.slice(first, first + TOGETHER);
      rooted(`${TITLES[mode]}, over IPv${underlay}: ${some[0]?.title} … ${some.at(-1)?.title}`, async (t) => {
        t.timeout(170_000);
        let compared = 0;
        await compareRows(underlay, some, ({ row, kernel, differences }) => {
          compared++;
          t.deepEqual(differences, [], row.title);
          // A comparison of nothing says nothing.
          t.true(kernel.wire.length > 0 || row.receiveOnly === true, `${row.title}: the kernel sends`);
          t.true(mode === 'rules' || kernel.inner.length > 0 || isSilent(row.datagrams), `${row.title}: it receives`);
        });
        t.is(compared, some.length);
      });
    }
  }
}

/** Whether none of a row's datagrams is meant to come out. */
function isSilent(datagrams: readonly { readonly vni?: number }[] | undefined): boolean {
  return datagrams?.every(({ vni }) => vni !== undefined) ?? false;
}
