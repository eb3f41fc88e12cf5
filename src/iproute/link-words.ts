/** The words before `type` in `ip link add` and `ip link set`. */
import { abbreviates } from './word-reader.js';

/** Words of iplink_parse in its order; `*`: may be abbreviated; `=`: an argument follows. */
const genericWords = [
  ...['up', 'down', 'name=', 'index=', 'link=*', 'address=*', 'broadcast=*', 'brd=', 'txqueuelen=*', 'qlen='],
  ...['txqlen=*', 'mtu=', 'xdpgeneric=', 'xdpdrv=', 'xdpoffload=', 'xdp=', 'netns=', 'multicast=', 'allmulticast='],
  ...['promisc=', 'trailers=', 'arp=', 'carrier=', 'vf=', 'master=*', 'vrf=', 'nomaster*', 'dynamic=*', 'type=*'],
  ...['alias=*', 'group=', 'mode=', 'state=', 'numtxqueues=*', 'numrxqueues=*', 'addrgenmode=*', 'link-netnsid=*'],
  ...['protodown=', 'protodown_reason=', 'gso_max_size=', 'gso_max_segs=', 'gro_max_size=', 'parentdev=', 'help*'],
];

/** The word of ip link that `word` is or abbreviates, and whether an argument follows it. */
export function findGenericWord(word: string): { readonly name: string; readonly takesArgument: boolean } | undefined {
  for (const entry of genericWords) {
    const name = entry.replace(/[=*]+$/, '');
    if (entry.endsWith('*') ? abbreviates(word, name) : word === name) {
      return { name, takesArgument: entry.includes('=') };
    }
  }
  return undefined;
}
