/** What has become of the cases of rule tests: for people, and in the forms that CI programs read. */
import { printTrace } from '../trace/print-trace.js';
import type { CaseResult } from './run-case.js';

/** A file, and its cases in their order. */
export interface FileResult {
  readonly file: string;
  readonly cases: readonly CaseResult[];
}

export function allHold(results: readonly FileResult[]): boolean {
  return results.every(({ cases }) => cases.every(({ ok }) => ok));
}

/** A line for each case; behind one that failed what was expected, what happened, and the packet's way. */
export function printResults(results: readonly FileResult[], width?: number): string {
  const lines: string[] = [];
  for (const { file, cases } of results) {
    for (const { name, line, ok, failures, traces } of cases) {
      lines.push(ok ? `ok      ${name}` : `not ok  ${name} (${file}:${line})`);
      for (const failure of failures) lines.push(`        ${failure}`);
      for (const trace of traces) {
        const text = printTrace(trace, width === undefined ? {} : { width: width - 10 });
        for (const said of text.trimEnd().split('\n')) lines.push(`        | ${said}`);
      }
    }
  }
  const all = results.flatMap(({ cases }) => cases);
  const failed = all.filter(({ ok }) => !ok).length;
  lines.push(
    failed === 0
      ? `${all.length} ${all.length === 1 ? 'case holds' : 'cases hold'}`
      : `${failed} of ${all.length} cases ${failed === 1 ? 'does' : 'do'} not hold`,
  );
  return `${lines.join('\n')}\n`;
}

/** Version 13 of the Test Anything Protocol. */
export function tapResults(results: readonly FileResult[]): string {
  const all = results.flatMap(({ file, cases }) => cases.map((one) => ({ file, ...one })));
  const lines = ['TAP version 13', `1..${all.length}`];
  for (const [n, { file, line, name, ok, failures }] of all.entries()) {
    lines.push(`${ok ? 'ok' : 'not ok'} ${n + 1} - ${name.replaceAll('#', '\\#')}`);
    if (ok) continue;
    lines.push('  ---', `  at: ${JSON.stringify(`${file}:${line}`)}`, '  failures:');
    for (const failure of failures) lines.push(`    - ${JSON.stringify(failure)}`);
    lines.push('  ...');
  }
  return `${lines.join('\n')}\n`;
}

/** As JUnit's XML reports, which most CI programs show. */
export function junitResults(results: readonly FileResult[]): string {
  const lines = ['<?xml version="1.0" encoding="UTF-8"?>', '<testsuites>'];
  for (const { file, cases } of results) {
    const failed = cases.filter(({ ok }) => !ok).length;
    lines.push(`  <testsuite name="${xml(file)}" tests="${cases.length}" failures="${failed}">`);
    for (const { name, line, ok, failures, traces } of cases) {
      const head = `    <testcase name="${xml(name)}" classname="${xml(file)}" file="${xml(file)}" line="${line}"`;
      if (ok) {
        lines.push(`${head}/>`);
        continue;
      }
      const told = [...failures, ...traces.map((trace) => printTrace(trace))].join('\n');
      lines.push(
        `${head}>`,
        `      <failure message="${xml(failures.join('; '))}">${xml(told)}</failure>`,
        '    </testcase>',
      );
    }
    lines.push('  </testsuite>');
  }
  lines.push('</testsuites>');
  return `${lines.join('\n')}\n`;
}

/** A list of files, each with its cases; those that failed with the traces of their packets. */
export function jsonResults(results: readonly FileResult[]): string {
  return `${JSON.stringify({ ok: allHold(results), files: results })}\n`;
}

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

/** XML has no place for most control characters, whatever they are written as. */
function xml(text: string): string {
  return text
    .replaceAll(/[&<>"]/g, (found) => ENTITIES[found] ?? found)
    .replaceAll(/[^\t\n\r\x20-\ud7ff\ue000-\ufffd]/g, '?');
}
