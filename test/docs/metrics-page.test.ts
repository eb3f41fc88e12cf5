// docs/metrics.md and the dashboard, against the metrics that there are.
import test from 'ava';
import { METRICS } from '../../src/observe/metrics.js';
import { read } from './markdown.js';
import { metricsPage } from './metrics-page.js';

test('docs/metrics.md is the table of metrics (npm run docs writes it)', (t) => {
  t.is(read('docs/metrics.md'), metricsPage());
});

interface Panel {
  readonly title: string;
  readonly targets?: readonly { readonly expr: string }[];
}

test('the dashboard asks for metrics and labels that there are', (t) => {
  const { panels } = JSON.parse(read('docs/grafana-dashboard.json')) as { panels: Panel[] };
  const labelsOf = new Map(
    METRICS.flatMap(({ name, labels, type }) =>
      type === 'histogram'
        ? ['bucket', 'sum', 'count'].map((end) => [`${name}_${end}`, [...labels, 'le', 'instance']] as const)
        : [[name, [...labels, 'instance']] as const],
    ),
  );
  const asked = panels.flatMap(({ targets = [], title }) => targets.map(({ expr }) => ({ title, expr })));
  t.true(asked.length > 8);
  for (const { title, expr } of asked) {
    const names = expr.match(/\b(?:vtep|process|nodejs)_\w+/g) ?? [];
    t.true(names.length > 0, title);
    const labels = new Set(names.flatMap((name) => labelsOf.get(name) ?? []));
    for (const name of names) t.true(labelsOf.has(name), `${title}: ${name}`);
    const grouped = [...expr.matchAll(/by \(([^)]*)\)/g)].flatMap(([, list = '']) => list.split(/,\s*/));
    const chosen = [...expr.matchAll(/(\w+)\s*(?:=|!=|=~)\s*"/g)].map(([, label = '']) => label);
    for (const label of [...grouped, ...chosen]) t.true(labels.has(label), `${title}: ${label}`);
  }
});
