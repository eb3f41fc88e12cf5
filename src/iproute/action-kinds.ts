/** The kinds of actions, by the words that they begin with. */
export const actionKinds = [
  ...(['tunnel_key', 'mirred', 'gact', 'vlan', 'pedit', 'csum', 'skbedit', 'police', 'sample', 'simple'] as const),
] as const;

/** Kinds that iproute2 has and vtep has not. */
export const foreignActionKinds: readonly string[] = [
  ...['bpf', 'connmark', 'ct', 'ctinfo', 'gate', 'ife', 'ipt', 'mpls', 'nat', 'skbmod', 'xt'],
];
