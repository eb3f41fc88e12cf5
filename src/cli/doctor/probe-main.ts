/** A process of its own, in a network namespace of its own: prints the probes as JSON. Its word is the TUN/TAP node. */
import { probeNamespace } from '../../io/probe/namespace-probes.js';

process.stdout.write(JSON.stringify(probeNamespace(process.argv[2] ?? '/dev/net/tun')));
