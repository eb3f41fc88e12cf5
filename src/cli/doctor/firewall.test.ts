import test from 'ava';
import { iptablesObstacles, nftObstacles } from './firewall.js';

const rule = (chain: string, ...expr: object[]): object => ({ rule: { family: 'inet', table: 'filter', chain, expr } });
const dport = (right: unknown, op = '==', protocol = 'udp'): object => ({
  match: { op, left: { payload: { protocol, field: 'dport' } }, right },
});
const chain = (name: string, hook: string, policy: string): object => ({
  chain: { family: 'inet', table: 'filter', name, type: 'filter', hook, prio: 0, policy },
});
const ruleset = (...objects: object[]): object => ({ nftables: [{ metainfo: {} }, ...objects] });
const ACCEPT = { accept: null };
const DROP = { drop: null };

const nft: readonly (readonly [title: string, ruleset: unknown, expected: readonly RegExp[]])[] = [
  ['nothing', ruleset(), []],
  ['what is no ruleset', [], []],
  [
    'a rule that drops the port',
    ruleset(chain('input', 'input', 'accept'), rule('input', dport(4789), DROP)),
    [/rule of chain inet filter input drops/],
  ],
  [
    'a rule that rejects it',
    ruleset(rule('input', dport(4789), { reject: { type: 'icmp' } })),
    [/drops UDP port 4789/],
  ],
  ['a rule that drops a range around it', ruleset(rule('input', dport({ range: [4000, 5000] }), DROP)), [/drops UDP/]],
  [
    'a rule that drops a set with it',
    ruleset(rule('input', dport({ set: [53, { range: [4788, 4790] }] }), DROP)),
    [/drops UDP/],
  ],
  ['a rule that drops all other ports', ruleset(rule('input', dport(53, '!='), DROP)), [/drops UDP/]],
  ['a rule that drops all ports but it', ruleset(rule('input', dport(4789, '!='), DROP)), []],
  ['a rule about another port', ruleset(rule('input', dport(4788), DROP)), []],
  ['a rule about the port of TCP', ruleset(rule('input', dport(4789, '==', 'tcp'), DROP)), []],
  [
    'a policy of drop',
    ruleset(chain('input', 'input', 'drop')),
    [/chain inet filter input drops what no rule accepts/],
  ],
  [
    'a policy of drop, and a rule that accepts it',
    ruleset(chain('input', 'input', 'drop'), rule('allowed', dport({ set: [22, 4789] }), ACCEPT)),
    [],
  ],
  [
    'a last rule that drops all',
    ruleset(chain('input', 'input', 'accept'), rule('input', { counter: {} }, DROP)),
    [/drops what no rule accepts/],
  ],
  ['a policy of drop on what is passed on', ruleset(chain('forward', 'forward', 'drop')), []],
];
for (const [title, objects, expected] of nft) {
  test(`nftables: ${title}`, (t) => {
    const found = nftObstacles(objects, 4789);
    t.is(found.length, expected.length, found.join('; '));
    expected.forEach((each, n) => {
      t.regex(found[n] ?? '', each);
    });
  });
}

const iptables: readonly (readonly [title: string, lines: readonly string[], expected: readonly RegExp[]])[] = [
  ['nothing', [], []],
  ['a policy of accept', ['*filter', ':INPUT ACCEPT [0:0]', 'COMMIT'], []],
  ['a policy of drop', ['*filter', ':INPUT DROP [0:0]'], [/chain filter INPUT drops what no rule accepts/]],
  [
    'a policy of drop, and a rule that accepts it',
    ['*filter', ':INPUT DROP [0:0]', '-A INPUT -p udp -m multiport --dports 53,4700:4800 -j ACCEPT'],
    [],
  ],
  [
    'a policy of drop, and a rule about TCP',
    [':INPUT DROP [0:0]', '-A INPUT -p tcp -m tcp --dport 4789 -j ACCEPT'],
    [/none names/],
  ],
  [
    'a rule that drops it',
    ['*raw', '-A PREROUTING -p udp -m udp --dport 4789 -j DROP'],
    [/chain raw PREROUTING drops UDP port 4789/],
  ],
  [
    'a rule that rejects it',
    ['*filter', '-A INPUT -p udp -m udp --dport 4789 -j REJECT --reject-with icmp-port-unreachable'],
    [/chain filter INPUT drops/],
  ],
  ['a rule that drops all ports but it', ['*filter', '-A INPUT -p udp -m udp ! --dport 4789 -j DROP'], []],
  ['a rule about another port', ['*filter', '-A INPUT -p udp -m udp --dport 47890 -j DROP'], []],
];
for (const [title, lines, expected] of iptables) {
  test(`iptables: ${title}`, (t) => {
    const found = iptablesObstacles(lines.join('\n'), 4789);
    t.is(found.length, expected.length, found.join('; '));
    expected.forEach((each, n) => {
      t.regex(found[n] ?? '', each);
    });
  });
}
