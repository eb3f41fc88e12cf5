/**
 * Which test runs each block of the pages, by page and by the block's first line; a page whose blocks are all made from
 * the source has one test under `*`. What no test runs stands in NOT_RUN, with the reason.
 */
type ByFirstLine = Readonly<Record<string, string>>;

const TYPED = 'test/docs/typed-lines.test.ts';
const COOKBOOK = 'test/docs/cookbook.test.ts';
const EXAMPLES = 'test/docs/examples.test.ts';
const SMALL_BATCHES = 'test/docs/small-batches.test.ts';
const RULE_TESTS = 'test/docs/rule-tests.test.ts';
const MIRROR = 'test/docs/mirror-receiver.test.ts';
const LINT = 'test/docs/lint.test.ts';
const RUNNING = 'test/docs/running.test.ts';

export const RUN_BY: Readonly<Record<string, ByFirstLine>> = {
  'README.md': {
    "npm run demo    # two hosts in network namespaces: the kernel's vxlan device on one side, vtep on the other":
      'test/docs/demo.test.ts',
    'ip link add name vxlan0 type vxlan dstport 4789 external': EXAMPLES,
    'vtep run -b first.batch        # in a checkout: ./bin/vtep, after npm run build': EXAMPLES,
    'ip link add vx4 type vxlan id 4 dstport 4789 local 192.168.1.14 remote 192.168.1.13': EXAMPLES,
    '$ vtep tc -s filter show dev vxlan0 ingress': EXAMPLES,
  },
  'examples/README.md': {
    'node examples/honeypot.js --port 4789 >> caught.jsonl': 'test/library/examples.test.ts',
  },
  'docs/capture.md': { 'vtep capture                                          # a line for each packet': TYPED },
  'docs/commands.md': { '*': 'test/docs/commands-page.test.ts' },
  'docs/control-socket.md': {
    '{"argv": ["tc", "-s", "filter", "show", "dev", "vxlan0", "ingress"]}': TYPED,
    '{"out": "filter protocol all pref 1 flower chain 0 \\n"}': TYPED,
    '{"batch": {"tool": "tc", "options": ["-s"], "lines": [["filter", "del", "dev", "x", "ingress"]], "force": false}}':
      TYPED,
    '{"failed": 17}': TYPED,
    '{"argv": ["monitor", "-j", "filter", "fdb"]}': TYPED,
    '{"out": ""}': TYPED,
    '{"err": "vtep: 1234 events were lost: they came faster than they were read\\n"}': TYPED,
    "node -e '": TYPED,
  },
  'docs/cookbook.md': {
    'ip link add vx4 type vxlan id 4 dstport 4789 local 192.168.1.13 remote 192.168.1.14': COOKBOOK,
    'ip link add vx4 type vxlan id 4 dstport 4789 local 192.168.1.14 remote 192.168.1.13': COOKBOOK,
    'ip link add vx0 type vxlan external dstport 4789': COOKBOOK,
    'ip link add vx4 address 02:00:00:00:00:13 type vxlan id 4 dstport 4789 local 192.168.1.13 remote 192.168.1.14':
      COOKBOOK,
    'ovs-vsctl --may-exist add-br br0': COOKBOOK,
    'ovs-vsctl add-br br0 -- set bridge br0 datapath_type=netdev': COOKBOOK,
    'ip link add vxlan0 type vxlan external dstport 4789': COOKBOOK,
    'ip link add link tap0 name tap0.10 type vlan id 10': COOKBOOK,
    'ip link add vx4 type vxlan id 4 dstport 4789 local 192.168.1.13': COOKBOOK,
    '$ vtep bridge fdb show dev vx4': COOKBOOK,
    'docker run --rm -it --cap-drop ALL --cap-add NET_ADMIN --device /dev/net/tun \\': COOKBOOK,
  },
  'docs/doctor.md': {
    'vtep doctor                # everything in this network namespace': TYPED,
    '$ vtep doctor': 'test/docs/doctor.test.ts',
  },
  'docs/library.md': {
    "import { Endpoint } from 'vtep';": 'test/docs/library.test.ts',
    '$ node first.js': 'test/docs/library.test.ts',
    '$ node typed.js': 'test/docs/library.test.ts',
  },
  'docs/lint.md': {
    'ip link add vxlan0 type vxlan external dstport 4789': LINT,
    '$ vtep lint -b rules.batch': LINT,
    '$ vtep tc filter add dev vxlan0 ingress protocol ip pref 3 flower verbose enc_key_id 4 action drop':
      'test/netns/see-inside.test.ts',
  },
  'docs/metrics.md': {
    'vtep top                  # a screen with keys: h shows them, q ends': TYPED,
    'vtep run -b vtep.batch --metrics 9789               # http://127.0.0.1:9789/metrics': TYPED,
  },
  'docs/mirror-receiver.md': {
    'ip link add mir0 type vxlan vni any tap-prefix mir- dstport 4789': MIRROR,
    'vtep run -b mirror.batch': MIRROR,
    '$ vtep drops': MIRROR,
    'tc qdisc add dev mir0 clsact': MIRROR,
    'af-packet:': MIRROR,
  },
  'docs/nutshell.md': {
    'tc filter add dev vxlan0 ingress protocol ip pref 1 flower enc_key_id 4 enc_src_ip 192.168.1.14 dst_ip 10.4.0.13 action tunnel_key unset action mirred egress redirect dev tap0':
      SMALL_BATCHES,
    '$ vtep trace -b first.batch dev vxlan0 enc_key_id 4 enc_src_ip 192.168.1.14 enc_dst_ip 192.168.1.13 ip_proto icmp type 8':
      'test/docs/nutshell.test.ts',
  },
  'docs/replay.md': { 'vtep replay in.pcap -b vtep.batch -o out        # outer packets come from the underlay': TYPED },
  'docs/rootless.md': { 'netns-scripts/rootless.sh ping': 'test/docs/security.test.ts' },
  'docs/rule-tests.md': {
    'rules: web.batch                # beside this file; or the lines themselves, behind "|"': RULE_TESTS,
    'ip link add vxlan0 type vxlan external dstport 4789': RULE_TESTS,
    '$ vtep test web.yaml': RULE_TESTS,
  },
  'docs/running.md': {
    '# /etc/systemd/system/vtep@main.service.d/raw.conf: rules that send to an interface of the host, underlay raw and pcap':
      RUNNING,
    '# /etc/systemd/system/vtep@main.service.d/tunnel-gso.conf: vtep run --tunnel-gso sets the forwarding of its own devices':
      RUNNING,
    'vtep: stopped: 41805 datagrams received and 120 sent, 118 frames from the host, 2 dropped (vxlan0 unknown-vni 2)':
      RUNNING,
    'vtep: /var/lib/vtep/main.state: 2 devices, 4 actions and 12 forwarding entries go on from there; 3 entries aged meanwhile':
      RUNNING,
  },
  'docs/strict-peers.md': {
    'ip link add vxlan0 type vxlan external dstport 4789': 'test/netns/strict-peers.test.ts',
  },
  'docs/trace.md': {
    'vtep trace dev vxlan0 enc_key_id 4 enc_src_ip 10.0.0.9 ip_proto tcp dst_port 80   # by the rules of the vtep that runs here':
      TYPED,
    'ip link add vxlan0 type vxlan external dstport 4789': 'test/docs/trace.test.ts',
    '$ vtep trace -b rules.batch dev vxlan0 enc_key_id 4 enc_src_ip 10.0.0.9 enc_dst_ip 10.0.0.1 ip_proto tcp dst_port 80':
      'test/docs/trace.test.ts',
  },
  'docs/troubleshooting.md': {
    'vtep drops        # where frames end, by reason': TYPED,
    'vtep tc -s filter show dev vxlan0 ingress     # which rules have met packets': TYPED,
  },
  'docs/underlays.md': {
    'ip link add vxlan0 type vxlan external dstport 4789 underlay raw': SMALL_BATCHES,
    'vtep: --tunnel-gso: the host forwards no super-frames over IPv4: a trial was lost (a filter rule may keep what is forwarded)':
      'test/netns/tunnel-gso.test.ts',
  },
  'docs/vxlan-devices.md': {
    'ip link add vxlan0 type vxlan external vnifilter dstport 4789': SMALL_BATCHES,
    '$ vtep bridge vni show dev vxlan0': SMALL_BATCHES,
    'ip link add vx4 type vxlan id 4 dstport 4789 remote 192.168.1.14': SMALL_BATCHES,
    '$ vtep bridge fdb show dev vx4': SMALL_BATCHES,
  },
  'docs/watching.md': { 'vtep drops -w --last | grep -A 1 action-drop': TYPED },
};

/** Blocks that no test runs as they stand, and why. */
export const NOT_RUN: Readonly<Record<string, ByFirstLine>> = {
  'docs/fuzzing.md': {
    'npm run fuzz                                 # every target for 10 s; needs no rights':
      'takes minutes; its words are read by their own parser (bench/documented.test.ts), the corpus runs in npm test',
  },
  'docs/library.md': {
    'npm install vtep': 'asks a registry; test/library/package.test.ts packs the package and installs that',
    ' receive ─► decapsulate ─► filters ─┬─► … ─► actions ─► queues ─► write ─► device.transmit(batch)   frames are borrowed':
      'a drawing',
  },
  'docs/mirror-receiver.md': { '  mirrored interfaces            sensor host': 'a drawing' },
  'docs/performance.md': {
    'npm run bench                                   # everything, about 20 minutes':
      'takes up to an hour; its words are read by their own parser (bench/documented.test.ts)',
  },
  'docs/running.md': {
    'cp contrib/systemd/vtep@.service /etc/systemd/system/':
      'takes systemd as the first process; test/netns/unit.test.ts runs vtep as the unit says, test/docs/running.test.ts has its files',
  },
  'docs/torture.md': {
    'npm run torture                  # all of it, in minutes, as root; in namespaces of its own':
      'takes minutes; its words are held against the program (bench/documented.test.ts), the brief form runs in npm test',
  },
};
