/** Options of ip, tc and bridge that say how to print, and take no word. */
const PRINT =
  /^-(-)?(s|st.*|d|det.*|j|json|p|pretty|o|oneline|br|brief|[046N]|h|human.*|iec|r|resolve|a|all|t|timestamp|ts|tshort|c|color.*)$/;
/** Those that take one. */
const WITH_WORD = /^-(f|family|n|netns)$/;

/** Whether a line of the system's own tools changes nothing, for all that can be told from its words. */
export function isHostLookup(argv: readonly string[]): boolean {
  let at = 0;
  for (let word = argv[at]; word?.startsWith('-'); word = argv[at]) {
    if (PRINT.test(word)) at++;
    else if (WITH_WORD.test(word)) at += 2;
    else return false;
  }
  const [object, verb] = argv.slice(at);
  return object !== undefined && (verb === undefined || /^(sho?|show|li?|lis|list|ls|lst|g|get)$/.test(verb));
}
