/**
 * Rules that drop a UDP port on its way in, as nftables and iptables print them. This reads what rules say of ports,
 * not all that they can say: what it finds is a place to look at.
 */

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const inputHooks = ['prerouting', 'input', 'ingress'];

/** Whether the right side of a match (a number, a range, a set) has a port in it. */
function includes(right: unknown, port: number): boolean {
  if (right === port) return true;
  if (Array.isArray(right)) return right.some((each) => includes(each, port));
  if (!isRecord(right)) return false;
  const { set, range } = right;
  if (set !== undefined) return includes(set, port);
  if (!Array.isArray(range)) return false;
  const [low, high] = range as unknown[];
  return typeof low === 'number' && typeof high === 'number' && port >= low && port <= high;
}

/** Whether one expression of a rule asks for UDP's destination port, and for this one. */
function asksFor(expression: unknown, port: number): boolean {
  const match = isRecord(expression) ? expression.match : undefined;
  if (!isRecord(match) || !isRecord(match.left) || !isRecord(match.left.payload)) return false;
  const { protocol, field } = match.left.payload;
  if ((protocol !== 'udp' && protocol !== 'th') || field !== 'dport') return false;
  return includes(match.right, port) !== (match.op === '!=');
}

interface NftRule {
  readonly place: string;
  readonly table: string;
  readonly verdict: 'accept' | 'drop' | 'other';
  readonly isAboutPort: boolean;
  /** Takes whatever comes. */
  readonly isForAll: boolean;
}

function nftRule(rule: Readonly<Record<string, unknown>>, port: number): NftRule {
  const { family, table, chain, expr } = rule;
  const expressions = Array.isArray(expr) ? expr.filter(isRecord) : [];
  const has = (name: string): boolean => expressions.some((each) => name in each);
  return {
    place: `${family} ${table} ${chain}`,
    table: `${family} ${table}`,
    verdict: has('accept') ? 'accept' : has('drop') || has('reject') ? 'drop' : 'other',
    isAboutPort: expressions.some((each) => asksFor(each, port)),
    isForAll: !has('match'),
  };
}

/** What `nft -j list ruleset` says against a port, a sentence each. */
export function nftObstacles(ruleset: unknown, port: number): string[] {
  const objects = isRecord(ruleset) && Array.isArray(ruleset.nftables) ? ruleset.nftables.filter(isRecord) : [];
  const rules = objects.flatMap(({ rule }) => (isRecord(rule) ? [nftRule(rule, port)] : []));
  const obstacles = rules
    .filter(({ verdict, isAboutPort }) => verdict === 'drop' && isAboutPort)
    .map(({ place }) => `nftables: a rule of chain ${place} drops UDP port ${port}`);
  for (const { chain } of objects) {
    if (!isRecord(chain) || !inputHooks.includes(String(chain.hook))) continue;
    const { family, table, name, policy } = chain;
    const place = `${family} ${table} ${name}`;
    const dropsAtEnd = rules.some((each) => each.place === place && each.verdict === 'drop' && each.isForAll);
    if (policy !== 'drop' && !dropsAtEnd) continue;
    const isAccepted = rules.some(
      (each) => each.table === `${family} ${table}` && each.verdict === 'accept' && each.isAboutPort,
    );
    if (!isAccepted)
      obstacles.push(`nftables: chain ${place} drops what no rule accepts, and none there names UDP port ${port}`);
  }
  return obstacles;
}

const INPUT_CHAINS = new Set(['INPUT', 'PREROUTING']);

function namesPort(words: readonly string[], port: number): boolean {
  const at = words.findIndex((word) => word === '--dport' || word === '--dports' || word === '--destination-port');
  if (at < 0 || words[at - 1] === '!') return false;
  return (words[at + 1] ?? '').split(',').some((each) => {
    const [low = Number.NaN, high = low] = each.split(':').map(Number);
    return port >= low && port <= high;
  });
}

/** What `iptables-save` says against a port, a sentence each. */
export function iptablesObstacles(saved: string, port: number): string[] {
  const obstacles: string[] = [];
  let table = 'filter';
  const dropping: string[] = [];
  const accepting = new Set<string>();
  for (const line of saved.split('\n')) {
    if (line.startsWith('*')) table = line.slice(1).trim();
    const [, chain = '', policy = ''] = /^:(\S+) (\S+)/.exec(line) ?? [];
    if (INPUT_CHAINS.has(chain) && policy === 'DROP') dropping.push(`${table} ${chain}`);
    if (!line.startsWith('-A ')) continue;
    const words = line.split(/\s+/);
    const target = words[words.indexOf('-j') + 1] ?? '';
    const isUdp = words.includes('udp') || !words.includes('-p');
    if (!isUdp || !namesPort(words, port)) continue;
    if (target === 'ACCEPT') accepting.add(table);
    if (target === 'DROP' || target === 'REJECT')
      obstacles.push(`iptables: a rule of chain ${table} ${words[1]} drops UDP port ${port}`);
  }
  for (const place of dropping) {
    if (!accepting.has(place.split(' ')[0] ?? ''))
      obstacles.push(`iptables: chain ${place} drops what no rule accepts, and none names UDP port ${port}`);
  }
  return obstacles;
}
