/** Every scenario of scenarios/, in the order of their files' names. */
import { readdirSync } from 'node:fs';
import type { Scenario } from './scenario.js';

const FOLDER = new URL('./scenarios/', import.meta.url);

export async function findScenarios(): Promise<Scenario[]> {
  const files = readdirSync(FOLDER).filter((name) => name.endsWith('.js') && !name.endsWith('.test.js'));
  const found: Scenario[] = [];
  for (const file of files.sort()) {
    const module = (await import(new URL(file, FOLDER).href)) as { scenarios?: readonly Scenario[] };
    if (module.scenarios === undefined) throw new Error(`scenarios/${file} exports no \`scenarios\``);
    found.push(...module.scenarios);
  }
  return found;
}
