/** docs/metrics.md, whose table is made from the metrics. `npm run docs` writes it; a test fails where it is stale. */
import { METRICS } from '../../src/observe/metrics.js';

const HEAD = `# Metrics and \`vtep top\`

What an endpoint counts, for people and for Prometheus. Both are made from the same counters, which are kept anyway: looking costs the
datapath nothing, but that traffic is counted by peer and VNI while somebody looks (an addition a packet).

## \`vtep top\`

\`\`\`sh
vtep top                  # a screen with keys: h shows them, q ends
vtep top peers            # begins with the peers
vtep top --once           # tables of one second, as in a pipe
vtep top --json           # all that is counted, and the rates
\`\`\`

Devices, filters, VNIs, peers, drops and workers, each with its rates; \`s\` orders by another column, \`/\` shows only rows with some words.
On a terminal that cannot be drawn on (\`TERM=dumb\`) it prints tables, as with \`--once\`; with \`NO_COLOR\` nothing is marked.
![vtep top --once while two streams of TCP come in](top.svg)

PPS are packets, BPS bits a second. Of a worker: LOAD is its share of a processor, BATCH the datagrams that it takes at a time, MERGED the frames
that become one write, CACHED the share of look-ups that the flow cache answers. Of more than a thousand filters the busiest are shown.

## Prometheus

\`\`\`sh
vtep run -b vtep.batch --metrics 9789               # http://127.0.0.1:9789/metrics
vtep run -b vtep.batch --metrics 192.168.1.13:9789  # for others, too: who may reach it may read it
\`\`\`

The server listens on loopback unless an address is given, in the network namespace that vtep runs in, and answers nothing but
\`GET /metrics\`. A thousand filters are told one by one, the first in their order; the others are added up under
\`handle="other"\`. So are peers beyond some four thousand a worker, under \`peer="other"\`. \`cookie\` is the cookie of the filter's first action that has one: it stays
when handles change.

[A dashboard for Grafana](grafana-dashboard.json) shows traffic, drops by reason, the busiest filters and peers, and how well batches and merging work. Import it, and choose
the Prometheus that scrapes vtep.

<!-- written by npm run docs, from src/observe/metrics.ts -->

| metric | type | labels | |
| --- | --- | --- | --- |
`;

export function metricsPage(): string {
  const rows = METRICS.map(
    ({ name, type, labels, help }) =>
      `| \`${name}\` | ${type} | ${labels.map((label) => `\`${label}\``).join(' ')} | ${help} |\n`,
  );
  return HEAD + rows.join('');
}
